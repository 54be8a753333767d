"""`stylebox generate` as a job: new audio in a style, from a MIDI file or from a random score."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from stylebox.core.audio.io.write import check_format
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.errors import SourceError
from stylebox.core.jobs.outputs import STREAM, FileReport, SideOutputs
from stylebox.core.jobs.sound_format import SoundFormat
from stylebox.core.music.midi.read import read_midi
from stylebox.core.music.notes import Note
from stylebox.core.paths import refuse_overwrite
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.options import TransferOptions, drawn_seed
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.pipeline.result import TransferResult
from stylebox.core.progress import ProgressCallback, silent
from stylebox.core.sources.render.scores import random_score

DEFAULT_SECONDS = 12.0
MIN_SECONDS, MAX_SECONDS = 0.5, 3600.0
MAX_SCORE_SECONDS = 3 * 3600.0  # of given notes; a damaged MIDI file may say days
MIN_TEMPO, MAX_TEMPO = 0.25, 4.0
TAIL_SECONDS = 1.0  # for the last notes of a score to ring
_OUTPUT_DB = -20.0  # dBFS; there is no input whose loudness to keep


def generate(
    pipeline: Pipeline,
    options: TransferOptions,
    *,
    notes: Sequence[Note] | None = None,
    seconds: float | None = None,
    tempo: float = 1.0,
    progress: ProgressCallback = silent,
) -> TransferResult:
    """Play notes in a style; without notes, a random score that the seed decides.

    Args:
        pipeline: The loaded model.
        options: What the user asks for.
        notes: The score, of at most three hours; the result ends one second after its last note.
        seconds: Length of a random score, from 0.5 to 3600; 12 unless given.
        tempo: Speed of the notes relative to the score, from 0.25 to 4; 2 is twice as fast.
        progress: Called as work goes on.

    Raises:
        SourceError: there are no notes, they are too long, or `seconds` or `tempo` is out of range.
        ModelError: the style is unknown, an option is out of range, or the model has no notes.
    """
    options = replace(options, seed=drawn_seed(options.seed))
    if not MIN_TEMPO <= tempo <= MAX_TEMPO:
        raise SourceError(f"--tempo {tempo:g}: give a speed from {MIN_TEMPO:g} to {MAX_TEMPO:g}")
    if notes is None:
        seconds = DEFAULT_SECONDS if seconds is None else seconds
        if not MIN_SECONDS <= seconds <= MAX_SECONDS:
            raise SourceError(f"--seconds {seconds:g}: give a length from 0.5 to {MAX_SECONDS:g} seconds")
        notes = at_tempo(random_score(np.random.default_rng(options.seed), seconds * tempo), tempo)
    elif not notes:
        raise SourceError("there are no notes to play")
    else:
        notes = at_tempo(notes, tempo)
        seconds = _length(notes) + TAIL_SECONDS
    config, num_samples = pipeline.mel_config, round(seconds * pipeline.sample_rate)
    num_frames = 1 + num_samples // config.hop_length
    content = Content.of_notes(notes, num_frames, config.frames_per_second, pipeline.device)
    result = pipeline.play(content, options, num_samples, progress)
    lost = len(notes) - len(result.notes)
    warnings = [f"{lost} of {len(notes)} notes left out: beyond the 88 keys"] if lost else []
    audio, _ = normalise_loudness(result.audio, result.sample_rate, _OUTPUT_DB)
    return replace(result, audio=audio, warnings=[*result.warnings, *warnings])


def at_tempo(notes: Sequence[Note], tempo: float) -> list[Note]:
    """Notes at another speed.

    >>> at_tempo([Note(1.0, 3.0, 60)], 2.0)[0][:2]
    (0.5, 1.5)
    """
    return [
        note._replace(start_seconds=note.start_seconds / tempo, end_seconds=note.end_seconds / tempo) for note in notes
    ]


def _length(notes: Sequence[Note], name: str = "the notes") -> float:
    """Seconds up to the end of the last note.

    Raises:
        SourceError: they are too many to be computed; the message begins with `name`.
    """
    seconds = max(note.end_seconds for note in notes)
    if seconds > MAX_SCORE_SECONDS:
        hours, most = seconds / 3600, MAX_SCORE_SECONDS / 3600
        raise SourceError(
            f"{name}: the last note ends after {hours:.1f} hours, at most {most:g} are played; cut a part"
        )
    return seconds


def generate_file(
    output: Path | None,
    options: TransferOptions,
    pipeline: Pipeline,
    *,
    notes: Path | None = None,
    seconds: float | None = None,
    tempo: float = 1.0,
    force: bool = False,
    progress: ProgressCallback = silent,
) -> FileReport:
    """Play a MIDI file, or a random score, in a style, and write the sound.

    Args:
        output: ``<notes>-<style>.wav`` or ``generated-<style>.wav`` unless given; ``-`` is standard output.
        options: What the user asks for.
        pipeline: The loaded model.
        notes: A MIDI file; it decides the length.
        seconds: Length of a random score.
        tempo: Speed of the notes relative to the score, from 0.25 to 4.
        force: Whether to overwrite the output.
        progress: Called as work goes on.

    Raises:
        SourceError: the MIDI file cannot be read or has no notes, or `seconds` is out of range.
        StyleboxError: the style or an option is wrong, or the output cannot be written.
    """
    begun = time.monotonic()
    score = None if notes is None else read_midi(notes)
    if score is not None and not score.notes:
        remarks = f" ({'; '.join(score.remarks)})" if score.remarks else ""
        raise SourceError(f"{notes}: has no notes to play{remarks}; choose another file")
    if score is not None:
        _length(at_tempo(score.notes, tempo), str(notes))
    stem = "generated" if notes is None else notes.stem
    name = f"{stem}-{options.spec.slug}.wav"
    target = output / name if output and output.is_dir() else output or Path(name)
    check_format(target, pipeline.sample_rate)
    if str(target) != STREAM:
        refuse_overwrite(target, force)
    result = generate(pipeline, options, notes=score and score.notes, seconds=seconds, tempo=tempo, progress=progress)
    if score is not None:
        result = replace(result, warnings=[*result.warnings, *score.remarks])
    clipped_db = result.save(target)
    source = stem if notes is None else str(notes)
    sound = SoundFormat(result.sample_rate, 1, 16)
    return FileReport.of(
        result, source, target, SideOutputs(), sound, clipped_db=clipped_db, work_seconds=time.monotonic() - begun
    )
