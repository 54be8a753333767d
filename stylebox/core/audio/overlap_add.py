"""STFT frames to audio, in blocks of any size: overlap-add, and one step of Griffin-Lim.

Both carry what a block leaves unfinished to the next one, so that blocks give the audio of the whole. Knows nothing of
where spectra come from.

Audio here begins half a window before the centre of the first frame. All is computed on the device of the spectra.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_MOMENTUM = 0.99  # of Perraudin et al. (2013)
_LEAST_WEIGHT = 1e-8


def hann(n_fft: int) -> np.ndarray:
    """Hann window, periodic, float32.

    Shape:
        ``(n_fft,)``.
    """
    return np.hanning(n_fft + 1)[:-1].astype(np.float32)


class OverlapAdd:
    """Overlap-add of frames: the audio with the nearest STFT.

    Args:
        n_fft: Window length in samples.
        hop_length: Samples between frames.
        device: Of the spectra.
    """

    def __init__(self, n_fft: int, hop_length: int, device: torch.device | str = "cpu") -> None:
        self._n_fft, self._hop_length = n_fft, hop_length
        self._window = torch.from_numpy(hann(n_fft)).to(device)
        self._audio = self._weight = torch.zeros(0, device=device)

    def push(self, spectrum: Tensor, last: bool = False) -> Tensor:
        """Add frames; gives the samples that no later frame changes.

        Args:
            spectrum: The next frames, complex.
            last: Whether no frames follow; then all samples that are left are returned.

        Shape:
            ``(T, n_fft // 2 + 1)`` -> ``(T * hop_length,)``, at the end ``n_fft - hop_length`` more.
        """
        done = len(spectrum) * self._hop_length
        left = self._n_fft - self._hop_length if last else 0
        if len(spectrum):
            frames = torch.fft.irfft(spectrum, self._n_fft) * self._window
            audio = self._added(self._audio, frames)
            weight = self._added(self._weight, (self._window**2).expand_as(frames))
        else:
            audio, weight = (F.pad(x, (0, left - len(x))) if last else x for x in (self._audio, self._weight))
        self._audio, self._weight = audio[done:], weight[done:]
        return audio[: done + left] / (weight[: done + left] + _LEAST_WEIGHT)

    def _added(self, before: Tensor, frames: Tensor) -> Tensor:
        """Frames ``(T, n_fft)`` laid over one another, and over what the frames before have left."""
        n_fft, hop = self._n_fft, self._hop_length
        times = -(-n_fft // hop)  # frames that overlap
        pieces = F.pad(frames, (0, times * hop - n_fft)).view(len(frames), times, hop)
        total = torch.zeros(len(frames) + times - 1, hop, device=frames.device)
        total.view(-1)[: len(before)] = before
        for piece in reversed(range(times)):  # the first frame first
            total[piece : piece + len(frames)] += pieces[:, piece]
        return total.view(-1)[: len(frames) * hop + n_fft - hop]


class MagnitudeProjection:
    """One step of fast Griffin-Lim: the wanted magnitudes with the phases of audio.

    Args:
        n_fft: Window length in samples.
        hop_length: Samples between frames.
        device: Of the magnitudes.

    Reference:
        Perraudin, Balazs & Søndergaard (2013), A Fast Griffin-Lim Algorithm, WASPAA 2013: algorithm 2. An STFT is
        linear, so the momentum is applied to audio here, which is smaller than spectra.
    """

    def __init__(self, n_fft: int, hop_length: int, device: torch.device | str = "cpu") -> None:
        self._n_fft, self._hop_length = n_fft, hop_length
        self._window = torch.from_numpy(hann(n_fft)).to(device)
        self._add = OverlapAdd(n_fft, hop_length, device)
        self._wanted = torch.zeros(0, n_fft // 2 + 1, device=device)
        self._audio = self._earlier = torch.zeros(0, device=device)

    def push(self, wanted: Tensor, audio: Tensor, earlier: Tensor, last: bool = False) -> tuple[Tensor, Tensor]:
        """Process the frames for which audio is complete.

        Args:
            wanted: The next magnitudes.
            audio: The next audio.
            earlier: The same of the step before.
            last: Whether nothing follows.

        Returns:
            The next audio after this step, and the same before it.

        Shape:
            wanted ``(T, n_fft // 2 + 1)``, audio and earlier ``(S,)`` -> two of ``(S',)``.
        """
        n_fft, hop = self._n_fft, self._hop_length
        self._wanted = torch.cat([self._wanted, wanted])
        self._audio, self._earlier = torch.cat([self._audio, audio]), torch.cat([self._earlier, earlier])
        count = min(len(self._wanted), max(0, 1 + (len(self._audio) - n_fft) // hop))
        if count == 0:
            return self._audio[:0], self._audio[:0]
        length = (count - 1) * hop + n_fft
        further = self._audio[:length] + _MOMENTUM * (self._audio[:length] - self._earlier[:length])
        spectrum = torch.fft.rfft(further.unfold(0, n_fft, hop) * self._window)
        power = spectrum.real.square() + spectrum.imag.square()  # quicker than `abs`
        torch.view_as_real(spectrum).mul_((self._wanted[:count] * power.clamp_min(1e-18).rsqrt())[..., None])
        made = self._add.push(spectrum, last)
        before = self._audio[: len(made)]
        self._wanted = self._wanted[count:]
        self._audio, self._earlier = self._audio[count * hop :], self._earlier[count * hop :]
        return made, before
