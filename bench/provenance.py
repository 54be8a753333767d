"""The last section of the page: what was measured, and with what."""

import time

from bench import basic_pitch, musicnn_tagger, transkun_judge
from bench.bench import Bench
from bench.excerpts import ONE_VOICE, TARGETS
from bench.judges import F0_PACKAGE
from bench.page import Section, machine, versions


def provenance(bench: Bench) -> Section:
    """What was measured, and with what."""
    places = bench.places
    counts = "; ".join(f"`{name}`: {len(found)} recordings" for name, found in bench.sets.items())
    packages = (basic_pitch.PACKAGE, musicnn_tagger.PACKAGE, transkun_judge.PACKAGE, F0_PACKAGE)
    lines = [
        f"- Sets: {counts}. `bench/sets` lists those that `bench/recordings.py` fetches, with licence and player; "
        "`dev` has the ten phrases of earlier measurements besides. Choices were made on `dev` only.",
        f"- Pairs: {places.pairs} of input and target per set, drawn evenly; targets {', '.join(TARGETS)}. Inputs "
        "are the first 6 s, at most.",
        f"- One voice: inputs whose instrument is one of {', '.join(ONE_VOICE[:-1]).replace('_', ' ')}.",
        "- Rivals: Basic Pitch with its defaults, its frames dated exactly; MuseScore_General; recorded notes of "
        "Splendid Grand Piano, freepats' guitar, University of Iowa strings and flute, and a celtic harp. They "
        "move by the same octaves as ours.",
        f"- The paper's networks: preset `paper`, trained for {bench.paper.train():.0f} CPU seconds on "
        "rendered scores of the six targets, 10 steps, Griffin-Lim.",
        f"- Machine: {machine()}. The work took {bench.seconds() / 60:.0f} CPU minutes.",
        f"- Versions: {versions()}; {', '.join(packages).replace('==', ' ')}.",
        f"- Written on {time.strftime('%Y-%m-%d')}; nothing on this page is edited by hand.",
    ]
    return Section("What was measured, with what", ["\n".join(lines)])
