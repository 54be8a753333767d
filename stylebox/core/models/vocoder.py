"""The vocoder: mel and notes -> the magnitudes of a finer spectrum. Phases are computed from them, not learnt.

The mel bands of a low note are wider than the distance of its partials; the notes give their approximate frequencies,
and the network draws them as sharp as in the recordings it was trained on. It predicts a spectrum, not a waveform, so
that training needs no adversary. docs/log.md has measurements of the computed phases.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.audio.filter_banks import mel_filters, mel_frequencies
from stylebox.core.audio.harmonic_vocoder import BETWEEN_PARTIALS, partial_combs
from stylebox.core.config import MelConfig, VocoderConfig
from stylebox.core.models.blocks import ResBlock
from stylebox.core.music.notes import NUM_KEYS

FLOOR = -2.5  # log10 of the least magnitude above silence
_CEILING = 2.75  # log10 of the largest magnitude
_LEAST_POWER = 1e-6  # of a band; less is taken as this
_MOST_MOVED = 2.0  # largest correction of a level, log10 of power: 20 dB
_DRAWINGS = 3  # channels: the level of the mel, the same with partials, the position of the bin


class Vocoder(nn.Module):
    """ConvNeXt over time and 2-D convolutions over bins and time; both correct a first guess.

    `fold` neighbouring bins are channels of one place, and so are the frames that lie in one frame of the mel.
    `reach` is how many mel frames on either side it looks at.

    Shape:
        mel ``(B, M, T)`` in [-1, 1] and frame ``(B, N, T)`` in [0, 1]
        -> log10 magnitudes ``(B, n_fft // 2 + 1, T * mel.hop_length // hop_length)``, at least `FLOOR`, which bins
        have where the mel is at its own floor.

    Reference:
        The backbone: Siuzdak (2023), Vocos. arXiv:2306.00814.
    """

    bands: Tensor
    shares: Tensor
    spread: Tensor
    offset: Tensor
    combs: Tensor
    place: Tensor

    def __init__(self, config: VocoderConfig, mel: MelConfig) -> None:
        super().__init__()
        self.n_fft, self.hop_length, self.fold = config.n_fft, config.hop_length, config.fold
        self.sample_rate = mel.sample_rate
        self.times = mel.hop_length // config.hop_length
        bins = config.n_fft // 2  # the Nyquist frequency is left silent
        # Convolutions of 7 (embedding, backbone) and of 3 (drawing, blocks), and the powers of two frames.
        self.reach = 3 * (1 + config.num_layers) + 1 + 2 * config.num_blocks + 1
        self.embed = nn.Conv1d(mel.n_mels + NUM_KEYS, config.dim, 7, padding=3)
        self.norm = nn.LayerNorm(config.dim)
        self.backbone = nn.ModuleList(
            ConvNeXtBlock(config.dim, config.intermediate_dim, 1 / config.num_layers) for _ in range(config.num_layers)
        )
        self.coarse = nn.Linear(config.dim, bins * self.times)
        channels = config.channels
        self.draw = nn.Conv2d(config.fold * (_DRAWINGS + self.times), channels, 3, padding=1)
        self.blocks = nn.ModuleList(ResBlock(channels) for _ in range(config.num_blocks))
        self.fine = nn.Conv2d(channels, config.fold * self.times, 1)
        nn.init.zeros_(self.fine.weight)
        nn.init.zeros_(self.coarse.weight)
        spread, offset = _mel_to_log_magnitude(config, mel)
        combs = partial_combs(mel.sample_rate, config.n_fft)[:, :bins]
        bands = _bands(config, mel)[:, :bins]
        shares = bands.T / np.maximum(bands.sum(0)[:, None], 1e-6)
        # The power of a tone in a band grows with the square of the window, and so does that of noise.
        self.register_buffer("bands", torch.from_numpy(bands * (mel.n_fft / config.n_fft) ** 2), persistent=False)
        self.register_buffer("shares", torch.from_numpy(shares), persistent=False)
        self.tenths = (mel.ceiling_db - mel.floor_db) / 20.0  # log10 of power per unit of mel
        self.middle = (mel.ceiling_db + mel.floor_db) / 20.0
        self.register_buffer("spread", torch.from_numpy(spread), persistent=False)
        self.register_buffer("offset", torch.from_numpy(offset), persistent=False)
        self.register_buffer("combs", torch.from_numpy(combs.T.copy()), persistent=False)
        self.register_buffer("place", torch.linspace(-1, 1, bins)[:, None], persistent=False)

    def forward(self, mel: Tensor, frame: Tensor) -> Tensor:
        """Predict the magnitudes: features, both networks, head."""
        level, expected = self._features(mel, frame)
        magnitude = self._predict(mel, frame, level, expected)
        return self._head(magnitude, mel)

    def _features(self, mel: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
        """First guesses ``(B, bins, T)``: the level of the mel, and the same with the partials of the notes."""
        with _full_precision(mel):
            level = (self.spread @ mel.float() + self.offset).clamp(FLOOR, _CEILING)
            expected = level + 0.5 * torch.log10(BETWEEN_PARTIALS + self.combs @ frame.float())
        return level, expected

    def _predict(self, mel: Tensor, frame: Tensor, level: Tensor, expected: Tensor) -> Tensor:
        """The guess, corrected by both networks, ``(B, times, bins, T)``."""
        h = self.norm(self.embed(torch.cat([mel, frame], 1)).transpose(1, 2)).transpose(1, 2)
        for block in self.backbone:
            h = block(h)
        coarse = self.coarse(h.transpose(1, 2)).transpose(1, 2).float().unflatten(1, (self.times, -1))
        guess: Tensor = expected[:, None] + coarse
        drawn = torch.cat([level[:, None], expected[:, None], self.place.expand_as(level)[:, None], guess], 1)
        folded = drawn.unflatten(2, (-1, self.fold)).movedim(3, 1).flatten(1, 2)  # (B, fold * drawings, bins / fold, T)
        fine = self.draw(folded)
        for block in self.blocks:
            fine = block(fine)
        correction: Tensor = self.fine(fine).float().unflatten(1, (self.fold, self.times)).movedim(1, 3).flatten(2, 3)
        return guess + correction

    def _head(self, magnitude: Tensor, mel: Tensor) -> Tensor:
        """Fit the magnitudes to the power of the mel, silence the rest, and lay the frames end to end."""
        with _full_precision(mel):
            level = self._fitted(magnitude.clamp(FLOOR, _CEILING), mel.float())
            sounding = self.shares @ (mel > -1.0).float() > 0  # a bin whose bands are all silent is silent
        level = torch.where(sounding[:, None], level.clamp(FLOOR, _CEILING), FLOOR)
        return F.pad(level.movedim(1, -1).flatten(-2), (0, 0, 0, 1), value=FLOOR)

    def _fitted(self, level: Tensor, mel: Tensor) -> Tensor:
        """Correct the level in each band to the power of the mel; the shape within a band stays.

        Shape:
            level ``(B, times, bins, T)`` and mel ``(B, M, T)`` -> as level.
        """
        there = torch.log10((self.bands @ self._mean_power(level)).clamp_min(_LEAST_POWER))
        wanted = (mel * self.tenths + self.middle).clamp_min(math.log10(_LEAST_POWER))
        moved = 0.5 * (self.shares @ (wanted - there).clamp(-_MOST_MOVED, _MOST_MOVED))
        after = torch.cat([moved[..., 1:], moved[..., -1:]], -1)
        weights = [i / self.times for i in range(self.times)]  # from one frame of the mel to the next
        return level + torch.stack([torch.lerp(moved, after, weight) for weight in weights], 1)

    def _mean_power(self, level: Tensor) -> Tensor:
        """The power at each frame of the mel: a triangle over the frames around it.

        Shape:
            ``(B, times, bins, T)`` -> ``(B, bins, T)``.
        """
        power = 10.0 ** (2 * level)
        mean = power[:, 0] * self.times
        for i in range(1, self.times):
            before = torch.cat([power[:, 0, :, :1], power[:, i, :, :-1]], -1)
            mean = mean + (self.times - i) * power[:, i] + i * before
        return mean / self.times**2


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a perceptron per frame.

    Args:
        dim: Channels of input and result.
        intermediate_dim: Width of the perceptron.
        initial_scale: Of the block's contribution before training.

    Shape:
        ``(B, dim, T)`` -> the same.

    Reference:
        Liu et al. (2022). arXiv:2201.03545.
    """

    def __init__(self, dim: int, intermediate_dim: int, initial_scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, intermediate_dim)
        self.down = nn.Linear(intermediate_dim, dim)
        self.scale = nn.Parameter(torch.full((dim,), initial_scale))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        h = self.norm(self.depthwise(x).transpose(1, 2))
        change: Tensor = self.scale * self.down(F.gelu(self.up(h)))
        return x + change.transpose(1, 2)


def _full_precision(mel: Tensor) -> torch.autocast:
    """No autocast: levels and their sums stay float32; only the networks may use less."""
    return torch.autocast(mel.device.type, enabled=False)


def _bands(config: VocoderConfig, mel: MelConfig) -> np.ndarray:
    """The bands of the mel over the bins of this spectrum, ``(M, n_fft // 2 + 1)``, float32."""
    return mel_filters(mel.sample_rate, config.n_fft, mel.n_mels)


def _mel_to_log_magnitude(config: VocoderConfig, mel: MelConfig) -> tuple[np.ndarray, np.ndarray]:
    """Scale and offset from mel to log10 magnitude per bin: interpolation in dB, less the summed weight of the band."""
    centre = mel_frequencies(mel.n_mels + 2, mel.sample_rate / 2)[1:-1]
    hz = np.arange(config.n_fft // 2) * mel.sample_rate / config.n_fft
    spread = np.stack([np.interp(hz, centre, row) for row in np.eye(mel.n_mels)], 1)
    summed = mel_filters(mel.sample_rate, mel.n_fft, mel.n_mels).sum(1)
    tenths = (mel.ceiling_db - mel.floor_db) / 2.0 / 20.0  # log10 of magnitude per unit of mel
    middle = (mel.ceiling_db + mel.floor_db) / 2.0 / 20.0
    offset = spread @ (middle - 0.5 * np.log10(np.maximum(summed, 1e-8)))
    return (spread * tenths).astype(np.float32), offset[:, None].astype(np.float32)
