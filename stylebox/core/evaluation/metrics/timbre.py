"""Timbre: how close the mean spectral shape of the output is to that of the style's recordings.

Cepstra of the project's mel, so smooth that single notes do not show. Knows no notes and no names of instruments.
"""

from collections.abc import Sequence

import numpy as np
import torch

from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram, mel_to_db
from stylebox.core.config import MelConfig

FIRST, LAST = 1, 12  # cepstral coefficients that are compared; number 0 is the level
_RANGE_DB = 40.0  # a frame further below the loudest one is a rest


def cepstra(audio: np.ndarray, config: MelConfig, last: int = LAST) -> np.ndarray:
    """Mel cepstra of the frames with sound, without the level, at -23 dBFS.

    Args:
        audio: A recording at the sample rate of `config`.
        config: The mel that the cepstra are of.
        last: The highest coefficient, in [1, M - 1].

    Shape:
        ``audio`` is ``(S,)``, the result ``(T', last)``; T' is 0 for silence.
    """
    levelled, _ = normalise_loudness(audio, config.sample_rate)
    mel = mel_to_db(MelSpectrogram(config)(torch.from_numpy(levelled)), config).numpy().astype(np.float64)
    level = mel.max(axis=0)
    sounding = (level > config.floor_db + 1) & (level > level.max() - _RANGE_DB)
    coefficients: np.ndarray = mel[:, sounding].T @ _cosines(len(mel), last).T
    return coefficients


def timbre_distance(references: Sequence[np.ndarray], audio: np.ndarray, config: MelConfig) -> float:
    """Cosine distance between the mean cepstra 1 to 12 of all references and those of the output.

    Args:
        references: Recordings in the style's sound, at the sample rate of `config`.
        audio: The output, at the same rate.
        config: The mel that the cepstra are of.

    Returns:
        In [0, 2]: 0 is the same timbre, 1 an unrelated one or silence; NaN if no reference has sound.

    Shape:
        audio and every reference are ``(S,)``, each of its own length.
    """
    wanted = np.concatenate([cepstra(x, config) for x in references]) if references else np.zeros((0, LAST))
    if not len(wanted):
        return float("nan")
    found = cepstra(audio, config)
    if not len(found):
        return 1.0
    a, b = wanted.mean(axis=0), found.mean(axis=0)
    return float(1 - a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-12))


def _cosines(n_mels: int, last: int) -> np.ndarray:
    """Rows 1 to `last` of the orthonormal DCT-II, ``(last, M)``."""
    order, band = np.arange(FIRST, last + 1)[:, None], np.arange(n_mels)
    rows: np.ndarray = np.sqrt(2 / n_mels) * np.cos(np.pi * order * (2 * band + 1) / (2 * n_mels))
    return rows
