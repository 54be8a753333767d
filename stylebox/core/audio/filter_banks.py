"""Filter banks over the bins of a spectrum: mel bands and pitch classes, equal to librosa's.

Ours, since librosa takes a second to import and compiles code that it can't store where an installation is read-only.

Reference:
    Slaney, Auditory Toolbox (1998): mel bands. Ellis, Chroma feature analysis (2007): pitch classes.
"""

from functools import lru_cache

import numpy as np

_HZ_PER_MEL = 200 / 3  # below 1000 Hz
_LOG_FROM_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27  # of the frequency per mel above
_CHROMA_OCTAVE, _CHROMA_OCTAVES = 5.0, 2.0  # octaves above A0 that weigh most, and their spread


def mel_frequencies(count: int, highest_hz: float) -> np.ndarray:
    """Frequencies evenly spaced on the mel scale (Slaney), from 0 to `highest_hz`.

    Shape:
        The result is ``(count,)``, in Hz.
    """
    log_from = _LOG_FROM_HZ / _HZ_PER_MEL
    top = highest_hz / _HZ_PER_MEL
    if highest_hz >= _LOG_FROM_HZ:
        top = log_from + np.log(highest_hz / _LOG_FROM_HZ) / _LOG_STEP
    mels = np.linspace(0.0, top, count)
    hz: np.ndarray = np.where(mels < log_from, mels * _HZ_PER_MEL, _LOG_FROM_HZ * np.exp(_LOG_STEP * (mels - log_from)))
    return hz


@lru_cache(maxsize=8)
def mel_filters(sample_rate: int, n_fft: int, n_mels: int) -> np.ndarray:
    """Triangles of area 1 from each mel band's neighbour below to its neighbour above.

    Args:
        sample_rate: In Hz.
        n_fft: Samples of a frame.
        n_mels: Number of bands, M.

    Shape:
        The result is ``(M, n_fft // 2 + 1)``, float32. It is shared: do not change it.
    """
    edges = mel_frequencies(n_mels + 2, sample_rate / 2)
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    ramps = edges[:, None] - bins
    widths = np.diff(edges)[:, None]
    rise, fall = -ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]
    triangles: np.ndarray = np.maximum(0, np.minimum(rise, fall)).astype(np.float32)
    triangles *= (2 / (edges[2:] - edges[:-2]))[:, None]
    return triangles


@lru_cache(maxsize=4)
def chroma_filters(sample_rate: int, n_fft: int) -> np.ndarray:
    """From bins to the twelve pitch classes from C on, A4 = 440 Hz, with the middle octaves weighing most.

    Shape:
        The result is ``(12, n_fft // 2 + 1)``, float32.
    """
    hz = np.linspace(0, sample_rate, n_fft, endpoint=False)[1:]
    semitones = 12 * np.log2(hz / (440 / 16))
    semitones = np.concatenate([[semitones[0] - 18], semitones])  # bin 0: an octave and a half below bin 1
    widths = np.concatenate([np.maximum(np.diff(semitones), 1), [1]])
    distance = np.remainder(semitones - np.arange(12)[:, None] + 6 + 120, 12) - 6
    bumps = np.exp(-0.5 * (2 * distance / widths) ** 2)
    bumps /= np.linalg.norm(bumps, axis=0)
    bumps *= np.exp(-0.5 * ((semitones / 12 - _CHROMA_OCTAVE) / _CHROMA_OCTAVES) ** 2)
    from_c: np.ndarray = np.roll(bumps, -3, axis=0)[:, : n_fft // 2 + 1].astype(np.float32)
    return from_c
