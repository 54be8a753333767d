"""An array of samples, as other libraries give it, as a recording. Reads no file."""

import numpy as np

from stylebox.core.audio.io.read import MAX_RATE, MIN_RATE
from stylebox.core.errors import AudioError
from stylebox.core.pipeline.recording import ArrayRecording

MOST_CHANNELS = 32  # of files that are written; an array with more has its samples in the place of channels
_INTEGERS = {"i2", "i4", "u1"}  # kinds of numbers, as WAV files hold them


def array_recording(audio: object, sample_rate: int | None) -> ArrayRecording:
    """An array as a recording.

    Args:
        audio: Full scale is 1; of integers of 8, 16 or 32 bits, as WAV files hold them, that of their kind.
        sample_rate: In Hz.

    Raises:
        AudioError: It is no sound: the rate is missing, the shape is another, or a value is no number.

    Shape:
        audio ``(S,)`` or ``(S, C)``.
    """
    if sample_rate is None:
        raise AudioError("an array of samples needs its sample_rate, in Hz")
    if not isinstance(sample_rate, int | float | np.number) or not MIN_RATE <= sample_rate <= MAX_RATE:
        raise AudioError(f"sample_rate {sample_rate!r} is no rate of a sound, in Hz, such as 44100")
    try:
        given = np.asarray(audio)
    except (TypeError, ValueError, RuntimeError):
        given = np.asarray("no numbers")
    if given.dtype.kind not in "iuf":
        raise AudioError(f"audio is the name of a file or an array of numbers, not {type(audio).__name__}")
    if given.ndim not in (1, 2) or given.size == 0:
        raise AudioError(f"an array of samples is (S,) or (S, channels), not {given.shape}")
    if given.ndim == 2 and given.shape[1] > MOST_CHANNELS:
        raise AudioError(
            f"an array of samples is (S,) or (S, channels), not {given.shape}; give its transpose, audio.T"
        )
    samples = _in_full_scale(given)
    if not np.isfinite(samples).all():
        raise AudioError("an array of samples holds values that are not finite numbers")
    return ArrayRecording(samples, round(sample_rate))


def _in_full_scale(audio: np.ndarray) -> np.ndarray:
    """Samples as float32, of which 1 is full scale. Shape: any -> the same."""
    if audio.dtype.str[1:] not in _INTEGERS:
        return np.asarray(audio, np.float32)
    half = 2.0 ** (8 * audio.dtype.itemsize - 1)
    middle = half if audio.dtype.kind == "u" else 0.0
    return ((audio.astype(np.float64) - middle) / half).astype(np.float32)
