"""The last step: the output gets the input's loudness, and stays quiet where the input holds no music."""

from dataclasses import replace

import numpy as np

from stylebox.core.audio.loudness import follow_loudness, loudness_db, match_loudness
from stylebox.core.music.notes import Note
from stylebox.core.pipeline.result import TransferResult

SILENT_INPUT = "it is silent, and so is the output"
NO_NOTES = "no notes were found in most of it; the output is kept at least 20 dB below it"
_LEAST_ENERGY_OF_NOTES = 0.1  # share of a recording's energy; phrases have 0.65 and more, steady noise 0.09 at most


def finish(result: TransferResult, audio: np.ndarray, notes: list[Note]) -> TransferResult:
    """The result at the loudness of its input; silence for silence, and little for noise.

    Args:
        result: At the model's own level.
        audio: The input, of the same length and rate.
        notes: Those found in the input.

    Shape:
        audio ``(S,)``, as the result's.
    """
    rate = result.sample_rate
    if not np.isfinite(loudness_db(audio, rate)):
        return replace(result, audio=np.zeros_like(result.audio), notes=[], warnings=[SILENT_INPUT])
    if _energy_of_notes(audio, notes, rate) < _LEAST_ENERGY_OF_NOTES:
        return replace(result, audio=_kept_below(result.audio, audio), notes=[], warnings=[NO_NOTES])
    matched = match_loudness(result.audio, audio, rate)
    followed = follow_loudness(matched, audio, rate, result.settings.follow)
    return replace(result, audio=match_loudness(followed, audio, rate))


def _energy_of_notes(audio: np.ndarray, notes: list[Note], sample_rate: int) -> float:
    """Share of a recording's energy that lies where notes sound."""
    power = np.square(audio, dtype=np.float64)
    sounding = np.zeros(len(audio), bool)
    for note in notes:
        sounding[int(note.start_seconds * sample_rate) : int(note.end_seconds * sample_rate)] = True
    return float(power[sounding].sum() / max(power.sum(), 1e-12))


def _kept_below(audio: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """`audio` turned down to 20 dB below the reference, so that what is not music stays harmless."""
    level, limit = (float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) for x in (audio, reference))
    return audio * np.float32(min(1.0, 0.1 * limit / max(level, 1e-9)))
