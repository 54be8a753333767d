"""The sound of live mels: spectra at the loudness of the input, phases that go on from step to step, steep attacks.

Knows nothing of the input but its level.
"""

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.attacks import sharpen_attacks
from stylebox.core.audio.loudness_follower import LoudnessFollower
from stylebox.core.audio.overlap_add import hann
from stylebox.core.audio.phase import AudioStream
from stylebox.core.models.vocoder import Vocoder
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.live_content import LiveContent
from stylebox.core.pipeline.vocode import mel_to_spectrum

MEL_PAST_FRAMES = 16  # of the mel: what the vocoder sees before the first new frame
_ATTACK_SECONDS = 0.12  # on either side of a sample: what an attack near it depends on


class LiveSound:
    """Turns mels into audio, step by step.

    Args:
        vocoder: Draws the spectrum.
        sharpen: Whether to make the attacks steep that the vocoder's windows smeared.
        closeness: How closely the loudness follows the input, in [0, 1].
        frames_per_second: Of the mel.
    """

    def __init__(self, vocoder: Vocoder, *, sharpen: bool, closeness: float, frames_per_second: float) -> None:
        self._vocoder, self._rate = vocoder, vocoder.sample_rate
        self._stream = AudioStream(vocoder.n_fft, vocoder.hop_length)
        self._follower = LoudnessFollower(frames_per_second * vocoder.times, closeness)
        self._mel: Tensor | None = None
        self._scale = 2.0 / (vocoder.n_fft * float(np.square(hann(vocoder.n_fft)).sum()))
        self._reach = round(_ATTACK_SECONDS * self._rate) if sharpen else 0
        self._audio = np.zeros(2 * self._reach, np.float32)  # before it is made steep
        self._first = -2 * self._reach  # sample of the whole output that `_audio` begins with
        self._onsets: list[float] = []
        self.delay_samples = self._stream.delay + vocoder.hop_length + self._reach

    def step(self, mel: Tensor, content: Content, heard: LiveContent, num_frames: int) -> np.ndarray:
        """The audio that is complete after `num_frames` new frames.

        Args:
            mel: The new frames and those beyond, which may still change.
            content: What is played, with the instrument's bends: frames before the new ones, the new ones, and those
                beyond.
            heard: Gain and level of the input.
            num_frames: New frames.

        Shape:
            mel ``(M, T)`` -> ``(S,)``.
        """
        before = content.frame.shape[1] - mel.shape[1]
        if self._mel is None:
            self._mel = torch.full((mel.shape[0], MEL_PAST_FRAMES), -1.0, device=mel.device)
        around = torch.cat([self._mel, mel], 1)
        self._mel = around[:, num_frames : num_frames + MEL_PAST_FRAMES]
        known = slice(before - MEL_PAST_FRAMES, None)
        spectrum = mel_to_spectrum(self._vocoder, around, content.frame[:, known], content.cents[:, known])
        new = spectrum[:, self._vocoder.times * MEL_PAST_FRAMES :].cpu().numpy()[:, : len(heard.power)]
        count, power = self._vocoder.times * num_frames, self._scale * np.square(new).sum(0)
        gains = self._follower.gains(heard.power[: len(power)], power, count, -20 * float(np.log10(heard.gain)))
        audio = self._stream.push(torch.from_numpy(new[:, :count] * gains)).numpy()
        return self._steep(audio, [note.start_seconds for note in content.notes]) if self._reach else audio

    def _steep(self, audio: np.ndarray, onsets: list[float]) -> np.ndarray:
        """The next samples with steep attacks, later by the reach of an attack."""
        reach, joined = self._reach, np.append(self._audio, audio)
        first = self._first / self._rate
        steep = sharpen_attacks(joined, [onset - first for onset in onsets if onset > first], self._rate)
        before = max(0, -self._first - reach)  # samples before the beginning of the output
        self._audio, self._first = joined[len(audio) :], self._first + len(audio)
        return steep[reach + before : reach + len(audio)]
