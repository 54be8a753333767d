"""Ours against the alternatives, in one run on one machine, as one page (comparison.md).

    python -m bench.run RECORDINGS DATASET [--judge SCRIPT] [--minutes 3] [--limit N] [--styles a,b] [--soundfont FILE]
        [--unheard FILE] [--tagger]

RECORDINGS is a folder of real recordings, `<instrument>/<name>.<suffix>`; DATASET a folder of `stylebox build` over
rendered scores that has all the styles. The transcriber of the alternative is fetched (pip, without dependencies) into
a folder that is thrown away; what it runs on is not among this project's packages: `pip install onnxruntime
resampy`, and for `--tagger` `pip install tensorflow-cpu`. Everything runs in one thread. About half an hour.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch are there

import numpy as np
import torch

from bench.basic_pitch_baseline import TRANSCRIBER_PACKAGES, BasicPitchBaseline, fetch
from bench.compare import Results, agreement, by_input, duel, main_table
from bench.comparison import comparisons
from bench.equal_budget import train_both
from bench.expression_tests import expression_tests
from bench.external_transcriber import ExternalTranscriber
from bench.musicnn_tagger import TAGGER_PACKAGE, MusicnnTagger
from bench.page import Section, machine, page, versions
from bench.parts import parts
from bench.rendered import rendered
from bench.speed import one_core, speed
from bench.systems import (
    BASELINE,
    BENT,
    DIFFUSED,
    ENVELOPE,
    OURS,
    Styles,
    all_rows,
    make_cases,
    recordings_in,
    transfer,
)
from bench.timbre_tests import CLIP_SECONDS, TimbreTests
from stylebox.core.audio.io.read import load_audio
from stylebox.core.data.dataset import Dataset
from stylebox.core.evaluation.cases import Case
from stylebox.core.evaluation.envelope import cross_synthesis
from stylebox.core.evaluation.evaluate import Keep, evaluate_cases
from stylebox.core.evaluation.systems import SystemOutput
from stylebox.core.paths import write_text
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.progress import Progress
from stylebox.core.store import library

PAGE = Path("comparison.md")
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
UNHEARD = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
STYLES = "piano,guitar,harp,violin,flute"


def parsed() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--model", default=library.SHIPPED_MODEL)
    parser.add_argument("--judge", type=Path, help="a script with transcribe(audio) and f1(reference, found, onset_s)")
    parser.add_argument("--tagger", action="store_true", help="have the instruments heard from outside, too")
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT)
    parser.add_argument("--unheard", type=Path, default=UNHEARD, help="a SoundFont kept out of training")
    parser.add_argument("--minutes", type=float, default=3.0, help="training of each; 0 leaves it out")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each recording")
    parser.add_argument("--limit", type=int, help="how many recordings; all unless given")
    parser.add_argument("--styles", default=STYLES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=PAGE)
    return parser.parse_args()


def said(what: str) -> None:
    """What begins now, for the impatient."""
    print(f"{time.strftime('%H:%M:%S')}  {what}", file=sys.stderr, flush=True)


def kept_by(*judges: Keep) -> Keep:
    """A callback that passes every output to each judge."""

    def keep(case: Case, row: str, made: SystemOutput) -> None:
        for judge in judges:
            judge(case, row, made)

    return keep


def show_case(progress: Progress) -> None:
    """Print the number of each new case."""
    if progress.note.endswith(": copy of the content"):
        said(f"  {progress.done} of {progress.total}")


def main() -> None:
    """Run everything, write the page."""
    asked = parsed()
    torch.set_num_threads(1)
    begun = time.monotonic()
    fetched = [*TRANSCRIBER_PACKAGES, *([TAGGER_PACKAGE] if asked.tagger else [])]
    with TemporaryDirectory() as folder:
        said(f"fetching {' and '.join(fetched)}")
        fetch(Path(folder) / "packages", *fetched)
        sections = compare(asked, Path(folder))
    remarks = [
        "Made by `python -m bench.run`, all of it; nothing here is edited by hand. Every figure is of this one run.",
        f"- machine: {machine()}; one thread\n- versions: {versions()}, {', '.join(fetched).replace('==', ' ')}\n"
        f"- model: `{asked.model}`; SoundFont: {asked.soundfont.name}; seed {asked.seed}\n"
        f"- date: {time.strftime('%Y-%m-%d')}; the run took {(time.monotonic() - begun) / 60:.0f} minutes",
    ]
    write_text(asked.output, page("Bench: ours against the alternatives", remarks, sections))
    said(f"{asked.output} written")


def compare(asked: argparse.Namespace, folder: Path) -> list[Section]:
    """Every system on every recording, then the tests of parts, expression and timbre.

    Args:
        asked: The options.
        folder: Has the packages of the transcriber and the tagger; receives the models to train.
    """
    pipeline = BasePipeline(asked.model)
    rate, seed = pipeline.sample_rate, asked.seed
    styles = Styles(Dataset.open(asked.dataset), asked.styles.split(","))
    recordings = recordings_in(asked.recordings, rate, asked.seconds, asked.limit)
    with one_core():  # its threads stay there
        baseline = BasicPitchBaseline(folder / "packages", asked.soundfont, rate)
        tagger = MusicnnTagger(folder / "packages", rate) if asked.tagger else None
    said("speed")
    first, style = recordings[0], next(name for name in styles.clips if name != recordings[0].instrument)
    speeds = speed(pipeline, asked.model, baseline, first.audio, style, styles.clips[style])
    said("training base and paper")
    equals = train_both(asked.dataset, asked.minutes, folder / "home") if asked.minutes else None
    said("all systems on all recordings")
    judge = ExternalTranscriber(asked.judge) if asked.judge else None
    judges: list[Keep] = [one for one in (judge, tagger) if one is not None]
    rows = all_rows(pipeline, asked.model, baseline, styles, equals, seed)
    cases = make_cases(recordings, styles)
    evaluation = evaluate_cases(
        pipeline, asked.model, cases, seed, rows=rows, progress=show_case, keep=kept_by(*judges)
    )
    results = Results(evaluation, judge, tagger)
    known: list[Section] = []
    if judge:
        said("the parts alone, and rendered scores")
        known = [
            parts(pipeline, asked.model, judge, recordings, seed),
            rendered(pipeline, judge, asked.unheard, asked.soundfont, asked.styles.split(","), seed),
        ]
    said("expression and timbre")
    played, held = expression_tests(expressive_systems(pipeline, baseline, styles, seed))
    tests = TimbreTests(pipeline, baseline, recordings, seed)
    whole = [(r, load_audio(r.path, rate)[: round(2 * CLIP_SECONDS * rate)]) for r in recordings]
    timbres = [tests.clips(whole), tests.blends(styles), tests.synthetic()]
    return [
        main_table(results, asked.seconds),
        duel(results, "Ours against transcriber + SoundFont", BASELINE, BENT),
        duel(results, "Ours against the spectral envelope", ENVELOPE),
        by_input(results, recordings),
        *([agreement(results)] if judge else []),
        *known,
        speeds,
        comparisons(BASELINE, [*held, *(one for _, more in timbres for one in more)]),
        played,
        *(section for section, _ in timbres),
        *([equals.section] if equals else []),
    ]


def expressive_systems(
    pipeline: BasePipeline, baseline: BasicPitchBaseline, styles: Styles, seed: int
) -> dict[str, Callable[[np.ndarray, str], SystemOutput]]:
    """The systems of the expression tests, by name.

    Args:
        pipeline: Ours.
        baseline: The transcriber with a SoundFont.
        styles: Clips for the spectral envelope.
        seed: Of our transfers.
    """
    steps, rate = pipeline.preset.diffusion.steps, pipeline.sample_rate
    return {
        OURS: transfer(pipeline, seed, steps=0),
        f"{OURS}, `--follow 1`": transfer(pipeline, seed, steps=0, follow=1.0),
        DIFFUSED: transfer(pipeline, seed, steps=steps),
        BASELINE: lambda audio, style: SystemOutput(baseline.run(audio, style)),
        BENT: lambda audio, style: SystemOutput(baseline.run(audio, style, bends=True)),
        ENVELOPE: lambda audio, style: SystemOutput(cross_synthesis(audio, styles.clips[style], rate)),
    }


if __name__ == "__main__":
    main()
