"""From cases to the trials of a listening test: the systems are run, and the reference is chosen. Writes no file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stylebox.core.errors import ModelError, SourceError
from stylebox.core.evaluation.cases import Case
from stylebox.core.evaluation.listening.stimuli import Trial, make_trial
from stylebox.core.evaluation.systems import COPY, DRAFT, ENVELOPE, MODEL, make_systems
from stylebox.core.music.instruments import instrument
from stylebox.core.music.notes import Note, transpose
from stylebox.core.music.style_names import instrument_of
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.sources.render.soundfont import find_soundfonts, synthesise

SAMPLER = "same notes by a SoundFont"
SYSTEMS = (MODEL, DRAFT, ENVELOPE, COPY)  # of the evaluation, besides the SoundFont
TASK = "making the listening test"


def make_trials(
    pipeline: Pipeline, cases: Sequence[Case], seed: int, soundfont: Path | None, progress: ProgressCallback = silent
) -> tuple[list[Trial], list[str]]:
    """A trial per case: reference, anchors, and what the systems make of it.

    The reference is a recording of the same score by the instrument of the style. Where there is none, the notes of
    the case are played by a SoundFont, which is then no system under test.

    Args:
        pipeline: The loaded model.
        cases: The transfers.
        seed: Of the transfers.
        soundfont: Plays notes; without one, only cases with a recording of the same score are used.
        progress: Receives how far the work is.

    Returns:
        The trials, and why cases were left out, a line each.

    Raises:
        ModelError: No case has a reference.
    """
    rows = make_systems(pipeline, seed)
    trials: list[Trial] = []
    left_out: list[str] = []
    for number, case in enumerate(cases):
        progress(Progress(TASK, number, len(cases), case.name))
        made = {name: rows[name](case) for name in SYSTEMS if name in rows}
        outputs = {name: output.audio for name, output in made.items() if output is not None}
        shift = next(output.transpose for name, output in made.items() if name == MODEL and output is not None)
        sampled = _sampled(pipeline, case, shift, soundfont)
        if case.target is not None:
            reference, description = case.target, "a recording of the same notes by the instrument asked for"
            outputs |= {} if sampled is None else {SAMPLER: sampled}
        elif sampled is not None and soundfont is not None:
            reference, description = sampled, f"the notes of the recording, played by the SoundFont {soundfont.stem}"
        else:
            left_out.append(f"{case.name}: has no reference: no recording of the same score, and no SoundFont plays it")
            continue
        trials.append(make_trial(case.name, description, reference, outputs, pipeline.sample_rate))
    progress(Progress(TASK, len(cases), len(cases)))
    if not trials:
        raise ModelError(
            f"{left_out[0]}; install a SoundFont (`stylebox doctor`), or give a --dataset of rendered pairs"
        )
    return trials, left_out


def largest_soundfont() -> Path | None:
    """The SoundFont of this system that is taken as the best sampler; None if there is none."""
    return max(find_soundfonts(), key=lambda path: path.stat().st_size, default=None)


def _sampled(pipeline: Pipeline, case: Case, semitones: int, soundfont: Path | None) -> np.ndarray | None:
    """The notes of a case, moved like the model's output, by the style's instrument in a SoundFont."""
    if soundfont is None or (case.notes is None and not pipeline.has_notes):
        return None
    try:
        player = instrument(instrument_of(case.style))
    except SourceError:  # a style that is a recording
        return None
    notes: Sequence[Note] = case.notes if case.notes is not None else pipeline.transcribe(case.content).notes
    seconds = len(case.content) / pipeline.sample_rate
    return synthesise(transpose(notes, semitones), soundfont, player.programs[0], seconds, pipeline.sample_rate)
