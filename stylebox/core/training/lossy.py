"""What a lossy codec does to audio, on whole batches and on any device. Writes no file and knows no file format.

A transform codec: blocks of a lapped cosine transform are rounded, coarsely where little is heard. Its noise was set to
that of MP3 and Ogg Vorbis, as libsndfile writes them at compression levels from 0.3 to 0.9.
"""

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_BLOCK = 512  # coefficients of a block
_BANDS = 24  # with a step size of their own, equally wide on a logarithmic axis
_HZ = (100, 300, 600, 1200, 2400, 4800, 7700, 11000, 14400, 19000)  # where the noise was measured
_BEST_DB = (28, 36, 38, 35, 31, 28, 19, 14, 9, 1)  # signal to noise there, at level 0.3
_WORST_DB = (13, 23, 26, 22, 16, 15, 9, 5, 2, 0)  # at level 0.9


def encode_and_decode(audio: Tensor, loss: Tensor, sample_rate: int) -> Tensor:
    """Encode and decode: the result is in place and at the level of the input.

    Args:
        audio: Any level.
        loss: From 0, as at compression level 0.3, to 1, as at 0.9.
        sample_rate: In Hz.

    Shape:
        ``audio`` and the result are ``(B, S)``, ``loss`` ``(B,)``.

    Reference:
        Princen et al. (1987), ICASSP: the lapped transform.
    """
    basis = _basis(audio.device)
    pool, best_db, worst_db = _bands(sample_rate, audio.device)
    length = audio.shape[1]
    padded = F.pad(audio, (_BLOCK, _BLOCK + -length % _BLOCK))
    blocks = padded.unfold(1, 2 * _BLOCK, _BLOCK) @ basis
    energy = blocks.square() @ pool / pool.sum(0)
    snr_db = best_db + loss[:, None, None] * (worst_db - best_db)
    step = (12.0 * energy).sqrt() * 10.0 ** (-snr_db / 20)  # rounding to a step adds a twelfth of its square
    steps = (step @ pool.T).clamp_min(1e-9)
    back = ((blocks / steps).round() * steps) @ basis.T
    return (back[:, :-1, _BLOCK:] + back[:, 1:, :_BLOCK]).flatten(1)[:, :length]


@cache
def _basis(device: torch.device) -> Tensor:
    """The windowed cosines of a block, ``(2 * _BLOCK, _BLOCK)``: orthonormal where blocks overlap by half."""
    n = torch.arange(2 * _BLOCK, dtype=torch.float64)[:, None] + 0.5
    k = torch.arange(_BLOCK, dtype=torch.float64) + 0.5
    window = torch.sin(torch.pi / (2 * _BLOCK) * n)
    basis: Tensor = (2 / _BLOCK) ** 0.5 * window * torch.cos(torch.pi / _BLOCK * (n + _BLOCK / 2) * k)
    return basis.float().to(device)


@cache
def _bands(sample_rate: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Which band each coefficient is in, ``(_BLOCK, number of bands)``, and the best and worst SNR of each band."""
    hz = (np.arange(_BLOCK) + 0.5) * sample_rate / 2 / _BLOCK
    edges = np.geomspace(hz[0], sample_rate / 2, _BANDS + 1)[1:-1]
    number = np.unique(np.searchsorted(edges, hz), return_inverse=True)[1]
    pool = np.eye(number.max() + 1, dtype=np.float32)[number]
    centre = np.log(pool.T @ hz / pool.sum(0))
    curves = (np.interp(centre, np.log(_HZ), curve).astype(np.float32) for curve in (_BEST_DB, _WORST_DB))
    best, worst = (torch.from_numpy(curve).to(device) for curve in curves)
    return torch.from_numpy(pool).to(device), best, worst
