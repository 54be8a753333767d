"""The vocoder: mel and notes -> the magnitudes of a finer spectrum. Phases are carried along its peaks, not learnt.

A mel does not show the partials of a low note one by one; the notes say about where they are, and the network draws
them as sharp as the recordings it was trained on. What is regressed is a spectrum, not a waveform, so that it can be
learnt without an adversary. See docs/log.md for what carrying phases can reach.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.audio.harmonic_vocoder import BETWEEN_PARTIALS, partial_combs
from stylebox.core.config import MelConfig, VocoderConfig
from stylebox.core.models.blocks import ResBlock
from stylebox.core.music.notes import NUM_KEYS

FLOOR = -2.5  # log10 of the least magnitude told from silence
_CEILING = 2.75
_LEAST_POWER = 1e-6  # of a band
_MOST_MOVED = 2.0  # log10 of power: 20 dB
_DRAWINGS = 3  # the mel's own level, the same with partials drawn in, the bin's place


class Vocoder(nn.Module):
    """ConvNeXt over time and 2-D convolutions over bins and time, both correcting a first guess.

    `fold` neighbouring bins are the channels of one place, as are the frames that fall to one frame of the mel.

    Shape:
        mel ``(B, M, T)`` in [-1, 1] and frame ``(B, N, T)`` in [0, 1]
        -> log10 magnitudes ``(B, n_fft // 2 + 1, T * mel.hop_length // hop_length)``, at least `FLOOR`, which is what
        bins have where the mel is at its own floor.

    Reference:
        The backbone: Siuzdak (2023), Vocos. arXiv:2306.00814.
    """

    bands: Tensor
    shares: Tensor
    nearness: Tensor
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
        triangle = np.bartlett(2 * self.times + 1)[1:-1].astype(np.float32)
        shares = bands.T / np.maximum(bands.sum(0)[:, None], 1e-6)
        # A tone's power in a band grows with the square of the window, and so does noise's: bins times power in each.
        self.register_buffer("bands", torch.from_numpy(bands * (mel.n_fft / config.n_fft) ** 2), persistent=False)
        self.register_buffer("shares", torch.from_numpy(shares), persistent=False)
        self.register_buffer("nearness", torch.from_numpy(triangle / triangle.sum())[None, None], persistent=False)
        self.tenths = (mel.ceiling_db - mel.floor_db) / 20.0  # log10 of power to one unit of mel
        self.middle = (mel.ceiling_db + mel.floor_db) / 20.0
        self.register_buffer("spread", torch.from_numpy(spread), persistent=False)
        self.register_buffer("offset", torch.from_numpy(offset), persistent=False)
        self.register_buffer("combs", torch.from_numpy(combs.T.copy()), persistent=False)
        self.register_buffer("place", torch.linspace(-1, 1, bins)[:, None], persistent=False)

    def forward(self, mel: Tensor, frame: Tensor) -> Tensor:
        exactly = torch.autocast(mel.device.type, enabled=False)  # levels and their sums; only the networks may round
        with exactly:
            level = (self.spread @ mel.float() + self.offset).clamp(FLOOR, _CEILING)
            expected = level + 0.5 * torch.log10(BETWEEN_PARTIALS + self.combs @ frame.float())
        h = self.norm(self.embed(torch.cat([mel, frame], 1)).transpose(1, 2)).transpose(1, 2)
        for block in self.backbone:
            h = block(h)
        coarse = self.coarse(h.transpose(1, 2)).transpose(1, 2).float().unflatten(1, (self.times, -1))
        guess = expected[:, None] + coarse
        drawn = torch.cat([level[:, None], expected[:, None], self.place.expand_as(level)[:, None], guess], 1)
        folded = drawn.unflatten(2, (-1, self.fold)).movedim(3, 1).flatten(1, 2)  # (B, fold * drawings, bins / fold, T)
        fine = self.draw(folded)
        for block in self.blocks:
            fine = block(fine)
        fine = self.fine(fine).float().unflatten(1, (self.fold, self.times)).movedim(1, 3).flatten(2, 3)
        with exactly:
            level = self._fitted((guess + fine).clamp(FLOOR, _CEILING), mel.float())
            sounding = self.shares @ (mel > -1.0).float() > 0  # a bin of bands without sound has none
        level = torch.where(sounding[:, None], level.clamp(FLOOR, _CEILING), FLOOR)
        return F.pad(level.movedim(1, -1).flatten(-2), (0, 0, 0, 1), value=FLOOR)

    def _fitted(self, level: Tensor, mel: Tensor) -> Tensor:
        """Moved band by band to the power that the mel has there: what was drawn keeps its shape, not its level.

        Shape:
            level ``(B, times, bins, T)`` and mel ``(B, M, T)`` -> as level.
        """
        power = (10.0 ** (2 * level)).movedim(1, -1).flatten(-2).flatten(0, 1)[:, None]  # (B * bins, 1, T * times)
        around = F.pad(power, (self.times - 1, self.times - 1), mode="replicate")
        seen = F.conv1d(around, self.nearness, stride=self.times).unflatten(0, (len(level), -1))[:, :, 0]
        there = torch.log10((self.bands @ seen).clamp_min(_LEAST_POWER))
        wanted = (mel * self.tenths + self.middle).clamp_min(math.log10(_LEAST_POWER))
        moved = 0.5 * (self.shares @ (wanted - there).clamp(-_MOST_MOVED, _MOST_MOVED))
        after = torch.cat([moved[..., 1:], moved[..., -1:]], -1)
        way = [i / self.times for i in range(self.times)]  # from one frame of the mel to the next
        return level + torch.stack([torch.lerp(moved, after, x) for x in way], 1)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then a gated-width perceptron per frame.

    Shape:
        ``(B, dim, T)`` -> the same.

    Reference:
        Liu et al. (2022). arXiv:2201.03545.
    """

    def __init__(self, dim: int, intermediate_dim: int, initial_scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(dim, dim, 7, padding=3, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.widen = nn.Linear(dim, intermediate_dim)
        self.narrow = nn.Linear(intermediate_dim, dim)
        self.scale = nn.Parameter(torch.full((dim,), initial_scale))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.depthwise(x).transpose(1, 2))
        return x + (self.scale * self.narrow(F.gelu(self.widen(h)))).transpose(1, 2)


def _bands(config: VocoderConfig, mel: MelConfig) -> np.ndarray:
    """The mel's bands over this spectrum's bins, ``(M, n_fft // 2 + 1)``, float32."""
    import librosa  # slow to import

    bands: np.ndarray = librosa.filters.mel(sr=mel.sample_rate, n_fft=config.n_fft, n_mels=mel.n_mels)
    return bands.astype(np.float32)


def _mel_to_log_magnitude(config: VocoderConfig, mel: MelConfig) -> tuple[np.ndarray, np.ndarray]:
    """An affine guess at log10 magnitude per FFT bin: the mel interpolated in dB, less the band's summed weight."""
    import librosa  # slow to import

    centre = librosa.mel_frequencies(mel.n_mels + 2, fmin=0.0, fmax=mel.sample_rate / 2)[1:-1]
    hz = np.arange(config.n_fft // 2) * mel.sample_rate / config.n_fft
    spread = np.stack([np.interp(hz, centre, row) for row in np.eye(mel.n_mels)], 1)
    summed = librosa.filters.mel(sr=mel.sample_rate, n_fft=mel.n_fft, n_mels=mel.n_mels).sum(1)
    tenths = (mel.ceiling_db - mel.floor_db) / 2.0 / 20.0  # log10 of magnitude to one unit of mel
    middle = (mel.ceiling_db + mel.floor_db) / 2.0 / 20.0
    offset = spread @ (middle - 0.5 * np.log10(np.maximum(summed, 1e-8)))
    return (spread * tenths).astype(np.float32), offset[:, None].astype(np.float32)
