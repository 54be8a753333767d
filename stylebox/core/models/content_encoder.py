"""The content encoder: which keys sound and which begin, for any instrument.

A small polyphonic transcriber whose output is probabilities. It knows pitch and time; it must not know the instrument.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylebox.core.audio.log_spectrogram import LogSpectrogram
from stylebox.core.audio.windows import in_windows
from stylebox.core.config import ContentEncoderConfig
from stylebox.core.device import half_precision, windows_at_once
from stylebox.core.models.blocks import ChannelNorm
from stylebox.core.music.notes import NUM_KEYS


class ContentEncoder(nn.Module):
    """Audio at the common loudness -> logits of frame and onset for 88 keys, at its own frame rate.

    Harmonics are stacked as channels by shifting the log axis, so that a 3x3 convolution covers the partials of a note
    at one place.

    Shape:
        ``(B, S)`` -> two of ``(B, N, T)``: frame logits, onset logits; ``T = 1 + S // hop_length``.

    Reference:
        Bittner et al. (2022), ICASSP: harmonic stacking and the two heads.
    """

    def __init__(self, config: ContentEncoderConfig) -> None:
        super().__init__()
        self.sample_rate, self.hop_length = config.sample_rate, config.hop_length
        self.frames_per_second = config.frames_per_second
        self.spectrum = LogSpectrogram(config.sample_rate, config.hop_length, config.windows, config.bins_per_semitone)
        self.bins_per_semitone = config.bins_per_semitone
        self.shifts = [round(12 * config.bins_per_semitone * math.log2(h)) for h in config.harmonics]
        stacked = len(config.windows) * len(config.harmonics) * config.bins_per_semitone
        channels = config.channels
        self.stem = nn.Sequential(
            nn.Conv2d(stacked, channels, 1),
            ChannelNorm(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        self.blocks = nn.ModuleList(KeyBlock(channels, 2**i) for i in range(config.num_blocks))
        self.norm = ChannelNorm(channels)
        self.onset_head = nn.Conv2d(channels, 1, 3, padding=1)
        self.frame_head = nn.Conv2d(channels + 1, 1, 3, padding=1)

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Transcribe."""
        h = self.stem(self.stack_harmonics(self.spectrum(audio)))
        for block in self.blocks:
            h = block(h)
        h = F.relu(self.norm(h))
        onset = self.onset_head(h)
        frame = self.frame_head(torch.cat([h, torch.sigmoid(onset)], 1))
        return frame.squeeze(1), onset.squeeze(1)

    def stack_harmonics(self, spectrum: Tensor) -> Tensor:
        """Shift the axis by each harmonic, and fold the bins of a key into channels.

        Shape:
            ``(B, W, num_bins, T)`` -> ``(B, W * harmonics * bins_per_semitone, N, T)``.
        """
        bins = self.bins_per_semitone
        wanted = NUM_KEYS * bins
        lowest, highest = min(0, *self.shifts), max(self.shifts)
        padded = F.pad(spectrum, (0, 0, -lowest, max(0, wanted + highest - spectrum.shape[2])))
        stacked = torch.cat([padded[:, :, s - lowest : s - lowest + wanted] for s in self.shifts], 1)
        folded: Tensor = stacked.unflatten(2, (NUM_KEYS, bins)).transpose(2, 3).flatten(1, 2)
        return folded.contiguous(memory_format=torch.channels_last)  # makes convolutions on a CPU twice as fast


def posteriors(encoder: ContentEncoder, audio: Tensor, window_frames: int = 1024, margin_frames: int = 64) -> Tensor:
    """Posteriors of a whole recording, in overlapping windows so that memory stays bounded.

    Computes in bfloat16 where the hardware does: faster, and as true to the notes (docs/log.md).

    Args:
        encoder: The transcriber.
        audio: At the common loudness and the encoder's sample rate.
        window_frames: Frames computed at once; a card computes several windows together.
        margin_frames: Frames around a window that the network also sees.

    Shape:
        ``(S,)`` -> ``(2, N, T)`` in [0, 1]: frame, onset.
    """
    hop, device = encoder.hop_length, audio.device.type
    num_frames = 1 + len(audio) // hop

    def compute(first: int, last: int) -> Tensor:
        with half_precision(device):
            logits = torch.stack(encoder(audio[None, first * hop : (last - 1) * hop + 1]), 1)[0]
        return torch.sigmoid(logits.float())

    return in_windows(compute, num_frames, windows_at_once(device) * window_frames, margin_frames)


def shift_keys(content: Tensor, semitones: int) -> Tensor:
    """Content moved up by semitones; keys beyond the keyboard are lost.

    Shape:
        ``(..., N, T)`` -> the same.
    """
    moved = torch.roll(content, semitones, dims=-2)
    if semitones > 0:
        moved[..., :semitones, :] = 0
    elif semitones < 0:
        moved[..., semitones:, :] = 0
    return moved


class KeyBlock(nn.Module):
    """Residual block on the key axis: neighbouring keys and frames, and octaves.

    Args:
        channels: Of input and result.
        time_dilation: Distance of the frames that the convolution combines.

    Shape:
        ``(B, C, N, T)`` -> the same.
    """

    def __init__(self, channels: int, time_dilation: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(channels, channels, 3, padding=(1, time_dilation), dilation=(1, time_dilation))
        self.octave = nn.Conv2d(channels, channels, (3, 1), padding=(12, 0), dilation=(12, 1))
        self.mix = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.mix.weight)  # starts as the identity, so it needs no norm of its own

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        h = F.relu(x)
        change: Tensor = self.mix(F.relu(self.near(h) + self.octave(h)))
        return x + change
