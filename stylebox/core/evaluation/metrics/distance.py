"""Distances to real recordings: to the true target, frame by frame, and to the style's recordings as a set.

The second is a kernel distance on cepstral features: it needs no download and no trained network. Knows no notes.
"""

from collections.abc import Sequence

import numpy as np
import torch

from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram, db_per_unit
from stylebox.core.config import MelConfig
from stylebox.core.evaluation.metrics.timbre import cepstra

WINDOW_SECONDS = 1.0  # of frames with sound, per feature vector
CEPSTRA = 20  # coefficients per frame
_SMALLEST_SPREAD = 1e-3


def mel_distance_db(target: np.ndarray, audio: np.ndarray, config: MelConfig) -> float:
    """Mean absolute difference of the two mels at -23 dBFS, in dB over the mel's whole range, silence included.

    Args:
        target: The true target, at the sample rate of `config`.
        audio: The output, at the same rate.
        config: The mel that is compared.

    Shape:
        target and audio are ``(S,)``; the longer one is cut.
    """
    length = min(len(target), len(audio))
    mel_transform = MelSpectrogram(config)
    first, second = (
        mel_transform(torch.from_numpy(normalise_loudness(x[:length], config.sample_rate)[0])) for x in (target, audio)
    )
    return float((first - second).abs().mean()) * db_per_unit(config)


def features(audio: np.ndarray, config: MelConfig) -> np.ndarray:
    """Mean and standard deviation of mel cepstra 1 to 20 per second of sound; an incomplete last second is left out.

    Shape:
        ``audio`` is ``(S,)``, the result ``(W, 40)``.
    """
    frames = cepstra(audio, config, CEPSTRA)
    length = round(WINDOW_SECONDS * config.frames_per_second)
    windows = frames[: len(frames) // length * length].reshape(-1, length, CEPSTRA)
    return np.concatenate([windows.mean(axis=1), windows.std(axis=1)], axis=1)


def kernel_distance(references: Sequence[np.ndarray], audio: np.ndarray, config: MelConfig) -> float:
    """Squared maximum mean discrepancy between the seconds of an output and those of a style, with a Gaussian kernel.

    Features are standardised by the references; the bandwidth is the median distance between references. The estimator
    is unbiased for independent seconds and can be slightly below 0. Seconds of one recording are not independent, so
    even a true recording of the style has a value above 0: compare systems, not with 0.

    Args:
        references: Recordings in the style's sound, at the sample rate of `config`.
        audio: The output, at the same rate.
        config: The mel that the features are of.

    Returns:
        From about 0 (the same) to 2; NaN if the references have fewer than two seconds of sound. If the output has
        fewer than two, it counts as unlike the references.

    Shape:
        audio and every reference are ``(S,)``, each of its own length.

    Reference:
        Gretton et al. (2012), eq. 3. As Kernel Audio Distance: Chung et al. (2025), arXiv:2502.15602, there on
        features of a trained network.
    """
    wanted = np.concatenate([features(x, config) for x in references]) if references else np.zeros((0, 2 * CEPSTRA))
    if len(wanted) < 2:
        return float("nan")
    middle, spread = wanted.mean(axis=0), np.maximum(wanted.std(axis=0), _SMALLEST_SPREAD)
    wanted, found = ((x - middle) / spread for x in (wanted, features(audio, config)))
    apart = _squared_distances(wanted, wanted)
    bandwidth = max(float(np.median(apart[np.triu_indices(len(wanted), 1)])), 1e-9)

    def similarity(squared: np.ndarray) -> np.ndarray:
        kernel: np.ndarray = np.exp(-squared / (2 * bandwidth))
        return kernel

    own = _mean_of_pairs(similarity(apart))
    if len(found) < 2:
        return own + 1.0
    among = _mean_of_pairs(similarity(_squared_distances(found, found)))
    across = float(similarity(_squared_distances(wanted, found)).mean())
    return own + among - 2 * across


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Between every row of ``(A, F)`` and of ``(B, F)``, ``(A, B)``."""
    squared: np.ndarray = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    return squared


def _mean_of_pairs(similarities: np.ndarray) -> float:
    """Mean over pairs of different items."""
    count = len(similarities)
    return float((similarities.sum() - np.trace(similarities)) / (count * (count - 1)))
