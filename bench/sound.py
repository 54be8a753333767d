"""How real do transfers sound, and do they keep the notes? Real recordings to piano, guitar, harp, violin and flute.

    python -m bench.recordings dev --to UNHEARD
    pip install --no-deps --target PACKAGES/musicnn musicnn==0.1.0
    pip install --target PACKAGES/tf tensorflow-cpu
    pip install --no-deps --target PACKAGES/transkun transkun==2.0.1
    python -m bench.sound RUN --data DATA --unheard UNHEARD --judge SCRIPT --packages PACKAGES [-- TRANSFER OPTIONS]
    python -m bench.sound --table before=RUN/figures.json after=RUN2/figures.json

DATA has `phrases`, `performances` (`<instrument>/<name>.<suffix>`) and `truth` (aligned scores). RUN gets the outputs
of `stylebox transfer`, of a SoundFont that plays the same notes, and `figures.json`. What is there is not made again.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch are there

import torch

from bench.sound_corpus import (
    KNOWN,
    KNOWN_SECONDS,
    KNOWN_STYLE,
    MINUTE,
    ONE_SHOT,
    TARGETS,
    TREBLE_TARGETS,
    Input,
    cut,
    make_inputs,
    make_pairs,
    recordings,
)
from bench.sound_judges import Judges
from bench.sound_summary import known_f1, of_one_shot, of_outputs, of_true, table
from bench.sound_systems import Output, play_by_soundfont, transfer, transfer_pairs

SOUNDFONT = Path("/usr/share/sounds/sf3/MuseScore_General.sf3")
TIMED_ROUNDS, TIMED_STYLE = 3, "piano"


def parsed() -> argparse.Namespace:
    """The command line; what follows ``--`` is for `stylebox transfer`."""
    arguments = sys.argv[1:]
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", help="folder of this run")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--unheard", type=Path, help="what bench/recordings.py wrote")
    parser.add_argument("--judge", type=Path, help="a script with transcribe(audio), f1(...) and frame_f1(...)")
    parser.add_argument("--packages", type=Path, help="folder with musicnn, tf and transkun")
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT)
    parser.add_argument("--pairs", type=int, help="so many of the pairs, drawn evenly; all unless given")
    parser.add_argument("--quick", action="store_true", help="the pairs only: no one shot, known notes or time")
    parser.add_argument("--table", nargs="+", metavar="NAME=FILE", help="print figures of earlier runs, and do no more")
    asked = parser.parse_args(arguments[:split])
    if asked.table is None and None in (asked.run, asked.data, asked.unheard, asked.judge, asked.packages):
        parser.error("give RUN, --data, --unheard, --judge and --packages; or --table")
    asked.options = arguments[split + 1 :]
    return asked


def transfers(asked: argparse.Namespace, inputs: list[Input]) -> list[Output]:
    """The pairs that are judged, and what the treble is measured of besides."""
    more = tuple(name for name in TREBLE_TARGETS if name not in TARGETS)
    pairs = make_pairs(inputs, TARGETS, asked.pairs) + make_pairs(inputs, more)
    return transfer_pairs(pairs, asked.run / "transfer", asked.options)


def one_shots(asked: argparse.Namespace, inputs: list[Input], sources: Iterable[Path]) -> list[Output]:
    """Each clip's style on its contents."""
    paths = {given.path.stem: given.path for given in inputs}
    clips = {path.stem: path for path in sources}
    outputs = []
    for target, clip, contents in ONE_SHOT:
        wanted = [paths[name] for name in contents]
        outputs += transfer(wanted, str(clips[clip]), target, asked.run / "one_shot" / target, asked.options)
    return outputs


def known(asked: argparse.Namespace) -> list[Output]:
    """The beginnings of the recordings whose notes are known, as a piano."""
    folder = asked.run.parent / "known"
    paths = [cut(asked.data / source, folder / f"{Path(source).stem}.wav", KNOWN_SECONDS) for source in KNOWN.values()]
    return transfer(paths, KNOWN_STYLE, KNOWN_STYLE, asked.run / "known", asked.options)


def real_time_factor(asked: argparse.Namespace) -> float:
    """Of one minute with two threads: the least of some rounds."""
    minute = cut(asked.data / MINUTE, asked.run.parent / "minute" / "minute.wav", 60.0)
    factors = []
    for index in range(TIMED_ROUNDS):
        folder = asked.run / "minute" / str(index)
        (made,) = transfer([minute], TIMED_STYLE, TIMED_STYLE, folder, asked.options, threads=2)
        factors.append(made.real_time_factor or float("nan"))
    return min(factors)


def main() -> None:
    """Make, measure, write the figures, print the table."""
    asked = parsed()
    if asked.table:
        named = dict(name.split("=", 1) for name in asked.table)
        print("\n".join(table({name: json.loads(Path(file).read_text()) for name, file in named.items()}).lines()))
        return
    torch.set_num_threads(1)
    sources = recordings(asked.data / "phrases", asked.unheard)
    inputs = make_inputs(sources, asked.run.parent / "inputs")
    judges = Judges(asked.run.parent / "judged", asked.judge, asked.packages)
    progress("transfers")
    outputs = transfers(asked, inputs)
    played = play_by_soundfont(outputs, asked.run / "soundfont", asked.soundfont)
    figures: dict[str, Any] = {"options": asked.options}
    progress("judging transfers")
    figures["transfer"] = of_outputs(outputs, judges)
    progress("judging the SoundFont")
    figures["soundfont"] = of_outputs(played, judges)
    progress("judging true recordings")
    figures["true"] = of_true([*sources, *recordings(asked.data / "performances")], judges)
    if not asked.quick:
        progress("one shot")
        figures["transfer"] |= of_one_shot(one_shots(asked, inputs, sources), judges)
        progress("time")
        figures["transfer"]["real_time_factor"] = real_time_factor(asked)
        progress("known notes")
        pianos = known(asked)
        truth = [asked.data / "truth" / name for name in KNOWN]
        by_soundfont = play_by_soundfont(pianos, asked.run / "soundfont_known", asked.soundfont)
        figures["transfer"]["known"] = known_f1(pianos, truth, KNOWN_SECONDS, judges)
        figures["soundfont"]["known"] = known_f1(by_soundfont, truth, KNOWN_SECONDS, judges)
    (asked.run / "figures.json").write_text(json.dumps(figures, indent=1))
    print("\n".join(table({asked.run.name: figures}).lines()))


def progress(step: str) -> None:
    """What begins now."""
    print(f"{time.strftime('%H:%M:%S')}  {step}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
