"""`stylebox generate` as a job: new audio in a style, from a MIDI file or from notes that are made up."""

import time
from pathlib import Path

import numpy as np
import torch

from stylebox.core.audio.io.write import check_format, write_audio
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.errors import SourceError
from stylebox.core.jobs.transfer import STREAM, Pipeline, TransferReport, register_move
from stylebox.core.music.notes import Note, piano_roll, read_midi
from stylebox.core.paths import refuse_overwrite
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.options import TransferOptions, drawn_seed
from stylebox.core.pipeline.style import style_slug
from stylebox.core.progress import ProgressCallback, silent
from stylebox.core.sources.render.scores import random_score

DEFAULT_SECONDS = 12.0
MAX_SECONDS = 3600.0
TAIL_SECONDS = 1.0  # for the last notes of a MIDI file to ring
_OUTPUT_DB = -20.0  # dBFS; there is no input whose loudness to keep


def generate_file(
    output: Path | None,
    options: TransferOptions,
    pipeline: Pipeline,
    *,
    notes: Path | None = None,
    seconds: float | None = None,
    force: bool = False,
    progress: ProgressCallback = silent,
) -> TransferReport:
    """Play a MIDI file, or made-up notes, in a style.

    Args:
        output: ``<notes>-<style>.wav`` or ``generated-<style>.wav`` unless given; ``-`` is standard output.
        notes: A MIDI file; decides the length.
        seconds: Length of what is made up.

    Raises:
        StyleboxError: the MIDI file cannot be read or has no notes, or the output cannot be written.
    """
    begun = time.monotonic()
    seed = drawn_seed(options.seed)
    if notes is not None:
        score = read_midi(notes)
        if not score:
            raise SourceError(f"{notes}: has no notes to play")
        seconds = max(note.end_seconds for note in score) + TAIL_SECONDS
    else:
        seconds = DEFAULT_SECONDS if seconds is None else seconds
        if not 0.5 <= seconds <= MAX_SECONDS:
            raise SourceError(f"--seconds {seconds:g}: give a length from 0.5 to {MAX_SECONDS:g} seconds")
        score = random_score(np.random.default_rng(seed), seconds)
    stem = "generated" if notes is None else notes.stem
    name = f"{stem}-{style_slug(options.style)}.wav"
    target = output / name if output and output.is_dir() else output or Path(name)
    check_format(target, pipeline.sample_rate)
    if str(target) != STREAM:
        refuse_overwrite(target, force)
    num_samples = round(seconds * pipeline.sample_rate)
    content = score_to_content(score, 1 + num_samples // pipeline.mel_config.hop_length, pipeline)
    seeded = TransferOptions(**{**vars(options), "seed": seed})
    result = pipeline.play(content, seeded, num_samples, progress)
    audio, _ = normalise_loudness(result.audio, result.sample_rate, _OUTPUT_DB)
    clipped_db = write_audio(str(target) if str(target) == STREAM else target, audio, result.sample_rate)
    return TransferReport(
        source=stem if notes is None else str(notes),
        output=str(target),
        style=options.style,
        seconds=num_samples / result.sample_rate,
        seed=seed,
        transpose=result.transpose,
        notes=len(result.notes),
        warnings=result.warnings,
        clipped_db=clipped_db,
        real_time_factor=(time.monotonic() - begun) / seconds,
        moved=register_move(options, result),
        settings=pipeline.settings(seeded)._asdict(),
    )


def score_to_content(score: list[Note], num_frames: int, pipeline: Pipeline) -> Content:
    """Notes as the content encoder would have heard them, louder where more is struck, harder."""
    rate = pipeline.mel_config.frames_per_second
    frame, onset = piano_roll(score, num_frames, rate)
    power = np.zeros(num_frames)
    for note in score:
        start, stop = round(note.start_seconds * rate), max(1, round(note.end_seconds * rate))
        age = np.arange(max(0, min(stop, num_frames) - start)) / rate
        power[start : start + len(age)] += (note.velocity**2) * 10.0 ** (-0.3 * age)
    curve = np.where(power > 0, np.clip(0.35 + 0.22 * np.log10(np.maximum(power, 1e-6)), -1, 1), -1.0)
    content = torch.from_numpy(np.stack([frame.T, onset.T]))
    return Content(content.to(pipeline.device), torch.from_numpy(curve.astype(np.float32)).to(pipeline.device), score)
