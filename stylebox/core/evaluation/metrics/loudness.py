"""Loudness over time: does the output get louder where the input does? The overall level does not count."""

import numpy as np

from stylebox.core.audio.loudness import loudness_contour

_HOP_SECONDS, _FRAME_SECONDS = 0.05, 0.2


def loudness_correlation(reference: np.ndarray, audio: np.ndarray, sample_rate: int) -> float:
    """Pearson correlation of the two levels in dB, over 200 ms every 50 ms, limited to -60 dBFS from below.

    Args:
        reference: The input of the transfer.
        audio: Its output.
        sample_rate: Of both, in Hz.

    Returns:
        In [-1, 1]; 0 if the output's level is constant, NaN if the reference's is.

    Shape:
        reference and audio are ``(S,)``; the longer one is cut.
    """
    length = min(len(reference), len(audio))
    hop, frame = (round(seconds * sample_rate) for seconds in (_HOP_SECONDS, _FRAME_SECONDS))
    wanted, found = (loudness_contour(x[:length], frame, hop) for x in (reference, audio))
    if np.ptp(wanted) < 1e-6:
        return float("nan")
    if np.ptp(found) < 1e-6:
        return 0.0
    return float(np.corrcoef(wanted, found)[0, 1])
