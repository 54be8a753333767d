"""STFT frames to audio, in blocks of any size: overlap-add, and one step of Griffin-Lim.

Both carry what a block leaves unfinished to the next one, so that blocks give the audio of the whole. Knows nothing of
where spectra come from.

Audio here begins half a window before the centre of the first frame.
"""

import numpy as np
import torch

_MOMENTUM = np.float32(0.99)  # of Perraudin et al. (2013)


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
    """

    def __init__(self, n_fft: int, hop_length: int) -> None:
        self._n_fft, self._hop_length, self._window = n_fft, hop_length, hann(n_fft)
        self._audio, self._weight = np.zeros(0, np.float32), np.zeros(0, np.float32)

    def push(self, spectrum: np.ndarray, last: bool = False) -> np.ndarray:
        """Add frames; gives the samples that no later frame changes.

        Args:
            spectrum: The next frames, complex.
            last: Whether no frames follow; then all samples that are left are returned.

        Shape:
            ``(T, n_fft // 2 + 1)`` -> ``(T * hop_length,)``, at the end ``n_fft - hop_length`` more.
        """
        n_fft, hop = self._n_fft, self._hop_length
        frames = np.zeros((0, n_fft), np.float32)
        if len(spectrum):
            frames = torch.fft.irfft(torch.from_numpy(spectrum), n_fft).numpy() * self._window
        done = len(frames) * hop
        audio, weight = np.zeros(done + n_fft - hop, np.float32), np.full(done + n_fft - hop, 1e-8, np.float32)
        audio[: len(self._audio)] += self._audio
        weight[: len(self._weight)] += self._weight
        squared = self._window**2
        for place, frame in enumerate(frames):
            here = slice(place * hop, place * hop + n_fft)
            audio[here] += frame
            weight[here] += squared
        self._audio, self._weight = audio[done:], weight[done:]
        count = len(audio) if last else done
        return audio[:count] / weight[:count]


class MagnitudeProjection:
    """One step of fast Griffin-Lim: the wanted magnitudes with the phases of audio.

    Args:
        n_fft: Window length in samples.
        hop_length: Samples between frames.

    Reference:
        Perraudin, Balazs & Søndergaard (2013), A Fast Griffin-Lim Algorithm, WASPAA 2013: algorithm 2. An STFT is
        linear, so the momentum is applied to audio here, which is smaller than spectra.
    """

    def __init__(self, n_fft: int, hop_length: int) -> None:
        self._n_fft, self._hop_length, self._window = n_fft, hop_length, hann(n_fft)
        self._add = OverlapAdd(n_fft, hop_length)
        self._wanted: list[np.ndarray] = []
        self._audio, self._earlier = np.zeros(0, np.float32), np.zeros(0, np.float32)

    def push(
        self, wanted: np.ndarray, audio: np.ndarray, earlier: np.ndarray, last: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
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
        self._wanted.extend(wanted)
        self._audio, self._earlier = np.append(self._audio, audio), np.append(self._earlier, earlier)
        count = min(len(self._wanted), max(0, 1 + (len(self._audio) - n_fft) // hop))
        if count == 0:
            return np.zeros(0, np.float32), np.zeros(0, np.float32)
        length = (count - 1) * hop + n_fft
        further = self._audio[:length] + _MOMENTUM * (self._audio[:length] - self._earlier[:length])
        frames = np.lib.stride_tricks.sliding_window_view(further, n_fft)[::hop] * self._window
        spectrum = torch.fft.rfft(torch.from_numpy(frames)).numpy()
        spectrum *= np.stack(self._wanted[:count]) / np.maximum(np.abs(spectrum), np.float32(1e-9))
        made = self._add.push(spectrum, last)
        before = self._audio[: len(made)]
        del self._wanted[:count]
        self._audio, self._earlier = self._audio[count * hop :], self._earlier[count * hop :]
        return made, before
