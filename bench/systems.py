"""The systems and the inputs of the comparison: real recordings, each in every style, ours and the alternatives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.basic_pitch_baseline import BasicPitchBaseline
from bench.equal_budget import EqualBudget
from stylebox.core.audio.io.files import find_audio
from stylebox.core.audio.io.read import load_audio
from stylebox.core.data.dataset import Dataset, int16_to_audio
from stylebox.core.data.manifest import Recording as Recorded
from stylebox.core.evaluation.cases import Case
from stylebox.core.evaluation.envelope import cross_synthesis
from stylebox.core.evaluation.systems import System, SystemOutput, make_systems
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.training.style_library import reference_timbres

CLIP_SECONDS = 12.0
COPIES = ("copy of the content", "copy of the style")
OURS, DIFFUSED = "ours, draft", "ours, diffusion"
BASELINE, BENT = "transcriber + SoundFont", "transcriber + SoundFont, bends"
ENVELOPE = "spectral envelope"


@dataclass(frozen=True)
class Recording:
    """One input, cut; its instrument is the name of the folder it lies in.

    Shape:
        audio is ``(S,)``.
    """

    name: str
    instrument: str
    path: Path
    audio: np.ndarray


def recordings_in(folder: Path, sample_rate: int, seconds: float, limit: int | None) -> list[Recording]:
    """The first seconds of each, those of different instruments first."""
    files = find_audio(folder).files
    turn = {path: sum(other.parent == path.parent and other < path for other in files) for path in files}
    chosen = sorted(files, key=lambda path: (turn[path], path))[:limit]
    length = round(seconds * sample_rate)
    return [Recording(p.stem, p.parent.name, p, load_audio(p, sample_rate)[:length]) for p in chosen]


class Styles:
    """Recordings of each style: references to compare with, and clips to take the sound from.

    Attributes:
        references: A held-out recording of every timbre the dataset has of it.
        clips: Of every instrument of the dataset: a recording of its most real timbre that was trained on.
    """

    def __init__(self, dataset: Dataset, names: Sequence[str]) -> None:
        held_out = [*dataset.split("test"), *dataset.split("valid")]
        self.references: dict[str, tuple[np.ndarray, ...]] = {}
        for name in names:
            of_timbre = {r.timbre: r for r in reversed(held_out) if r.instrument == name}
            self.references[name] = tuple(self._excerpt(dataset, of_timbre[key]) for key in sorted(of_timbre, key=str))
        timbres = reference_timbres(dataset.split("train"))
        self.clips = {name: self._excerpt(dataset, known[0]) for name, known in timbres.items()}

    @staticmethod
    def _excerpt(dataset: Dataset, recording: Recorded) -> np.ndarray:
        rate = dataset.mel_config.sample_rate
        return int16_to_audio(dataset.audio(recording)[: round(CLIP_SECONDS * rate)])


def make_cases(recordings: Sequence[Recording], styles: Styles) -> list[Case]:
    """Every recording in every style that is not its own."""
    return [
        Case(f"{recording.name} as {style}", recording.audio, style, references=references)
        for recording in recordings
        for style, references in styles.references.items()
        if style != recording.instrument
    ]


def transfer(
    pipeline: BasePipeline, seed: int, steps: int, vocoder: str = "auto", follow: float | None = None
) -> Callable[[np.ndarray, str], SystemOutput]:
    """Ours with these options, as a function of audio and style."""

    def run(audio: np.ndarray, style: str) -> SystemOutput:
        made = pipeline.transfer(audio, TransferOptions(style, seed=seed, steps=steps, vocoder=vocoder, follow=follow))
        return SystemOutput(made.audio, made.transpose)

    return run


def all_rows(
    pipeline: BasePipeline,
    model: str,
    baseline: BasicPitchBaseline,
    styles: Styles,
    equals: EqualBudget | None,
    seed: int,
) -> dict[str, System]:
    """All systems by name, in the order of the table.

    Args:
        pipeline: Ours.
        model: Its name.
        baseline: Transcriber and SoundFont.
        styles: References and clips.
        equals: Both presets after equal training, if trained.
        seed: Of our transfers.
    """
    steps = pipeline.preset.diffusion.steps
    own = make_systems(pipeline, seed)
    rows: dict[str, System] = {name: own[name] for name in COPIES}

    def add(name: str, run: Callable[[np.ndarray, str], SystemOutput]) -> None:
        rows[name] = lambda case: run(case.content, case.style)

    add(OURS, transfer(pipeline, seed, steps=0))
    add(DIFFUSED, transfer(pipeline, seed, steps=steps))
    add("ours, draft, `harmonic`", transfer(pipeline, seed, steps=0, vocoder="harmonic"))
    add("ours, draft, `griffin-lim`", transfer(pipeline, seed, steps=0, vocoder="griffin-lim"))
    add(BASELINE, lambda audio, style: SystemOutput(baseline.run(audio, style)))
    add(BENT, lambda audio, style: SystemOutput(baseline.run(audio, style, bends=True)))
    add(ENVELOPE, lambda audio, style: SystemOutput(cross_synthesis(audio, styles.clips[style], pipeline.sample_rate)))
    if equals is not None:
        add("`base`, same minutes", transfer(equals.base, seed, steps=0, vocoder="harmonic"))
        rows["`paper`, same minutes"] = lambda case: SystemOutput(
            equals.paper.transfer(case.content, TransferOptions(case.style, seed=seed)).audio
        )
    return rows
