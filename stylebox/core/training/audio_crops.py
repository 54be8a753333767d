"""Crops of recordings' audio for training: bent, degraded and resampled on the device. Knows no network, no notes."""

from collections.abc import Sequence
from math import gcd

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from stylebox.core.data.dataset import AUDIO_FULL_SCALE, Dataset
from stylebox.core.data.manifest import Recording
from stylebox.core.training.augment import bend, degrade, draw
from stylebox.core.training.frame_store import FrameStore

_LEAD_SECONDS = 1.5  # before a crop: its reverberation reaches into the crop
_DETUNE_CENTS = 30.0  # either way: partials lie where the recording has them, not at the key's equal-tempered pitch
_MARGIN_SAMPLES = 64  # by which vibrato reads on, at most


class AudioCrops:
    """Crops of the audio of some recordings, in two steps (see `FrameStore`).

    The audio is stored in rows of one frame, ``hop_length`` samples. A crop begins at a frame and brings what sounded
    in the 1.5 s before it, which a drawn room may still hold.

    Args:
        dataset: Holds the recordings.
        recordings: To crop.
        num_samples: Length of a crop at `sample_rate`.
        sample_rate: Of the crops, in Hz; None for that of the dataset.
    """

    def __init__(
        self, dataset: Dataset, recordings: Sequence[Recording], num_samples: int, sample_rate: int | None = None
    ) -> None:
        self.hop, self.own_rate = dataset.mel_config.hop_length, dataset.mel_config.sample_rate
        self.num_samples, self.sample_rate = num_samples, sample_rate or self.own_rate
        own_samples = -(-num_samples * self.own_rate // self.sample_rate)
        # frames after which both rates have whole samples
        whole = self.own_rate // gcd(self.own_rate, self.sample_rate)
        unit = whole // gcd(whole, self.hop)
        self.lead = unit * -(-round(_LEAD_SECONDS * self.own_rate) // (unit * self.hop))
        self.size = unit * next_fast_len(-(-(self.lead * self.hop + own_samples) // (unit * self.hop)), real=True)
        stretch = 2 ** (_DETUNE_CENTS / 1200) - 1
        self.margin = -(-(int(stretch * self.size * self.hop) + _MARGIN_SAMPLES) // self.hop)
        self.store = FrameStore(recordings, 2 * self.hop, lambda *section: audio_rows(dataset, *section))

    def place(self, device: torch.device, limit: int | None = None) -> None:
        """Copy the audio to the device, if it fits; see `FrameStore.place`."""
        self.store.place(device, limit)

    def fetch(
        self,
        which: np.ndarray,
        start: np.ndarray,
        rng: np.random.Generator,
        *,
        share: slice = slice(None),
        affected: np.ndarray | None = None,
    ) -> dict[str, Tensor]:
        """What `expand` needs for a batch, on the CPU.

        Args:
            which: Recordings, as positions.
            start: First frame of each crop.
            rng: Source of all choices; the same ones for each share.
            share: Which crops.
            affected: The crops that are degraded; None: all.

        Shape:
            ``which``, ``start`` and ``affected`` are ``(B,)``. The first axis of ``audio`` and ``ratio`` is that of the
            share; see `draw` for the others.
        """
        ratio = 2.0 ** (rng.uniform(-_DETUNE_CENTS, _DETUNE_CENTS, len(which)) / 1200)
        drawn = draw(rng, len(which), share, affected)
        begin = start[share] - self.lead - self.margin
        rows = self.store.fetch(which[share], begin, self.size + 2 * self.margin)
        return {"audio": rows, "ratio": torch.from_numpy(ratio[share].astype(np.float32)), **drawn}

    def expand(self, batch: dict[str, Tensor]) -> Tensor:
        """The crops that `fetch` chose, on the device; a crop is faster than the recording by its ``ratio``.

        Shape:
            ``(B, num_samples)``, float32.
        """
        rows = self.store.rows(batch["audio"], self.size + 2 * self.margin)
        stored = rows.view(torch.int16).flatten(1).float() * (AUDIO_FULL_SCALE / 32768)
        lead, margin = self.lead * self.hop, self.margin * self.hop
        audio = bend(stored, batch["ratio"], batch, self.own_rate, fixed=lead, margin=margin)
        degraded = degrade(audio, batch, self.own_rate, lead)
        return resampled(degraded, self.own_rate, self.sample_rate)[:, : self.num_samples]


def audio_rows(dataset: Dataset, recording: Recording, start: int, stop: int) -> np.ndarray:
    """The audio of some frames of a recording as bytes, one row per frame; 0 past its end.

    Args:
        dataset: Holds the recording.
        recording: To read.
        start: First frame.
        stop: Behind the last frame.

    Shape:
        ``(stop - start, 2 * hop_length)``, uint8: int16 samples.
    """
    hop = dataset.mel_config.hop_length
    rows = np.zeros((stop - start) * hop, np.int16)
    stored = dataset.audio(recording)[start * hop : stop * hop]
    rows[: len(stored)] = stored
    return rows.view(np.uint8).reshape(stop - start, 2 * hop)


def resampled(audio: Tensor, rate: int, wanted: int) -> Tensor:
    """Audio at another rate: its spectrum, cut or filled up. The ends of an example meet.

    Args:
        audio: Of a length that is a whole number of samples at both rates.
        rate: Of `audio`, in Hz.
        wanted: Of the result.

    Shape:
        ``(B, S)`` -> ``(B, S * wanted / rate)``.
    """
    if rate == wanted:
        return audio
    size = audio.shape[1] * wanted // rate
    moved: Tensor = torch.fft.irfft(torch.fft.rfft(audio), size)
    return moved * (wanted / rate)
