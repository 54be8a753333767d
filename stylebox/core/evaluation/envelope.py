"""Spectral-envelope cross-synthesis: timbre transfer without a network, as a baseline.

Every frame keeps its fine structure, and so its pitches, and gets the mean envelope of the style.
"""

import numpy as np

from stylebox.core.audio.loudness import match_loudness
from stylebox.core.config import SAMPLE_RATE

_FRAME, _HOP = 4096, 1024  # samples; 93 and 23 ms at 44.1 kHz
_LIFTER = 80  # cepstral coefficients of the envelope, up to 1.8 ms at 44.1 kHz; later ones hold the pitch
_RANGE = 1e-3  # a frame 60 dB below the loudest one is a rest
_LIMIT = 3.0  # nepers (26 dB): largest change of a bin


def cross_synthesis(content: np.ndarray, style: np.ndarray, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """`content` with the mean spectral envelope of `style`, at the content's length and loudness.

    Args:
        content: The recording that gives the notes.
        style: A recording that gives the envelope.
        sample_rate: Of both, in Hz.

    Shape:
        content and the result are ``(S,)``; the style may have another length.

    Reference:
        Serra & Smith (1990) for the idea; cepstral liftering as in Oppenheim & Schafer (1968).
    """
    spectrum, wanted = _stft(content), _envelope(_stft(style))
    magnitude = np.abs(spectrum)
    sounding = magnitude.sum(axis=1) > _RANGE * magnitude.sum(axis=1).max(initial=0.0)
    if not sounding.any():
        return np.zeros(len(content), np.float32)
    gain = np.clip(wanted - _envelope(spectrum), -_LIMIT, _LIMIT)
    return match_loudness(_istft(spectrum * np.exp(gain), len(content)), content, sample_rate)


def _envelope(spectrum: np.ndarray) -> np.ndarray:
    """Mean liftered log magnitude of the frames with sound, ``(F,)``."""
    magnitude = np.abs(spectrum)
    level = magnitude.sum(axis=1)
    frames = magnitude[level > _RANGE * level.max(initial=0.0)]
    if not len(frames):
        return np.zeros(spectrum.shape[1])
    relative = frames / frames.mean(axis=1, keepdims=True)
    cepstrum = np.fft.irfft(np.log(np.maximum(relative, 1e-4)).mean(axis=0))
    cepstrum[_LIFTER:-_LIFTER] = 0
    return np.fft.rfft(cepstrum).real


def _stft(audio: np.ndarray) -> np.ndarray:
    """``(S,)`` -> ``(T, F)``."""
    padded = np.pad(np.asarray(audio, np.float64), (_FRAME, 2 * _FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    return np.fft.rfft(frames * np.hanning(_FRAME))


def _istft(spectrum: np.ndarray, num_samples: int) -> np.ndarray:
    """Inverse STFT by overlap-add, divided by the sum of the squared windows."""
    window = np.hanning(_FRAME)
    total = np.zeros((len(spectrum) - 1) * _HOP + _FRAME)
    weight = np.full_like(total, 1e-9)
    for index, frame in enumerate(np.fft.irfft(spectrum) * window):
        place = slice(index * _HOP, index * _HOP + _FRAME)
        total[place] += frame
        weight[place] += window**2
    return (total / np.maximum(weight, 1e-3))[_FRAME : _FRAME + num_samples].astype(np.float32)
