"""How far from the real thing: from the one true target, frame by frame, and from a style's recordings as a set.

The set's distance is a kernel distance on hand-made features, so that nothing has to be downloaded and no network's
taste decides. Knows nothing of notes.
"""

from collections.abc import Sequence

import numpy as np
import torch

from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram, db_per_unit
from stylebox.core.config import MelConfig
from stylebox.core.evaluation.metrics.timbre import cepstra

WINDOW_SECONDS = 1.0  # of sounding frames, to one feature vector
CEPSTRA = 20
_SMALLEST_SPREAD = 1e-3


def mel_distance_db(target: np.ndarray, audio: np.ndarray, config: MelConfig) -> float:
    """Mean absolute difference of the two mels at the common loudness, in dB over the mel's whole range.

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
    """Mean and standard deviation of mel cepstra 1 to 20 over each second that sounds; what is over is left out.

    Shape:
        ``audio`` is ``(S,)``, the result ``(W, 40)``.
    """
    frames = cepstra(audio, config, CEPSTRA)
    length = round(WINDOW_SECONDS * config.frames_per_second)
    windows = frames[: len(frames) // length * length].reshape(-1, length, CEPSTRA)
    return np.concatenate([windows.mean(axis=1), windows.std(axis=1)], axis=1)


def kernel_distance(references: Sequence[np.ndarray], audio: np.ndarray, config: MelConfig) -> float:
    """Squared maximum mean discrepancy of an output's seconds and a style's, Gaussian kernel.

    Features are standardised by the references; the bandwidth is the references' median distance. The estimator is
    unbiased for independent seconds and can be a little below 0. Seconds of one recording are not independent: even a
    true recording of the style stays above 0, so compare rows, not with 0.

    Returns:
        About 0 (the same) to 2; NaN if the references have fewer than two seconds. An output with fewer than two
        counts as one that resembles nothing but itself.

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

    def alike(squared: np.ndarray) -> np.ndarray:
        return np.exp(-squared / (2 * bandwidth))

    own = _mean_of_pairs(alike(apart))
    if len(found) < 2:
        return own + 1.0
    among = _mean_of_pairs(alike(_squared_distances(found, found)))
    across = float(alike(_squared_distances(wanted, found)).mean())
    return own + among - 2 * across


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return ((a[:, None] - b[None]) ** 2).sum(axis=2)


def _mean_of_pairs(alike: np.ndarray) -> float:
    """Mean over pairs of different items."""
    count = len(alike)
    return float((alike.sum() - np.trace(alike)) / (count * (count - 1)))
