"""The content of live audio, which is transcribed again and again as it goes on.

Frames up to the look-ahead are final; those beyond it are what is known so far, and may still change. Knows nothing of
styles.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylebox.core.audio.dynamics import dynamics
from stylebox.core.audio.frames import resample_frames
from stylebox.core.audio.io.read import resample
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.audio.pitch_bend import estimate_bends
from stylebox.core.config import MelConfig
from stylebox.core.models.content_encoder import ContentEncoder
from stylebox.core.music.notes import NUM_KEYS, Note, notes_from_posteriors, piano_roll
from stylebox.core.pipeline.content import Content

PAST_FRAMES = 64  # of the mel: what the content encoder sees before the first frame that it must find
NOTES_FRAMES = 344  # of the mel: 4 s of posteriors in which notes are found
LOUDNESS_SECONDS = 20.0  # whose loudness decides about the gain of the input
MOST_GAIN_DB = 30.0  # of the input: a noise before the first note is not brought to the level of music
_EARLIEST_SECONDS = 0.05  # a note that begins so early in the posteriors began before them
_SOUNDS_ON_SECONDS = 1.0  # how long a note that has not ended is taken to last


@dataclass(frozen=True)
class LiveContent:
    """Content around the frames that become final, on the clock of the whole input.

    Attributes:
        content: From `past_frames` before the first new frame to the end of what is known.
        start_seconds: Time of the first frame of `content`; its notes have times of the whole input.
        gain: Amplitude by which the input was brought to the common loudness.
        power: Mean square of the input around each new frame and those beyond, two values per frame.

    Shape:
        power ``(2 * (step_frames + look_ahead_frames),)``, less what the last window would need.
    """

    content: Content
    start_seconds: float
    gain: float
    power: np.ndarray


class LiveTranscriber:
    """Transcribes audio in steps of equal length.

    Args:
        encoder: The transcriber; its frames are twice as far apart as those of the mel.
        mel_transform: Gives the dynamics and the frame rate. Both are on one device.
        step_frames: Frames of the mel that become final in a step; even.
        look_ahead_frames: Frames that are known beyond them; even.
        past_frames: Final frames that are given again before the new ones; at most `NOTES_FRAMES`.
    """

    def __init__(
        self,
        encoder: ContentEncoder,
        mel_transform: MelSpectrogram,
        *,
        step_frames: int,
        look_ahead_frames: int,
        past_frames: int,
    ) -> None:
        self._encoder, self._mel, self._config = encoder, mel_transform, mel_transform.config
        self._device = mel_transform.window.device
        self._step, self._ahead, self._past = step_frames, look_ahead_frames, past_frames
        kept = round(LOUDNESS_SECONDS * self._config.frames_per_second)
        self._audio = np.zeros(self._config.hop_length * max(kept, PAST_FRAMES + step_frames + look_ahead_frames))
        self._audio = self._audio.astype(np.float32)
        self._gain, self._count = 1.0, 0  # frames that are final
        self._posteriors = torch.zeros(2, NUM_KEYS, NOTES_FRAMES // 2, device=self._device)
        self._cents = torch.zeros(NUM_KEYS, NOTES_FRAMES // 2, device=self._device)
        self._curve = torch.full((past_frames,), -1.0, device=self._device)
        self._notes: list[Note] = []

    @torch.no_grad()
    def step(self, audio: np.ndarray) -> LiveContent:
        """Take the audio of a step, and give the content of the frames that became final.

        Args:
            audio: The first is of ``step_frames + look_ahead_frames`` frames, every other of ``step_frames``.

        Shape:
            ``(S,)``.
        """
        self._audio = np.append(self._audio[len(audio) :], audio)
        gain_db = normalise_loudness(self._audio, self._config.sample_rate)[1]
        if gain_db != 0.0:  # not silent
            self._gain = 10 ** (min(gain_db, MOST_GAIN_DB) / 20)
        frames = PAST_FRAMES + self._step + self._ahead
        heard = self._audio[-frames * self._config.hop_length :]
        window = heard * np.float32(self._gain)
        curve = self._dynamics(window)
        posteriors, cents = self._listen(window)
        content, start_seconds = self._content(curve, posteriors, cents)
        done = self._step // 2
        self._posteriors = posteriors[..., done : done + NOTES_FRAMES // 2]
        self._cents = cents[:, done : done + NOTES_FRAMES // 2]
        self._curve = torch.cat([self._curve, curve[: self._step]])[-self._past :]
        self._count += self._step
        return LiveContent(content, start_seconds, self._gain, self._power(heard))

    def _dynamics(self, window: np.ndarray) -> Tensor:
        """The dynamics curve of the new frames and those beyond."""
        mel = self._mel(torch.from_numpy(window).to(self._device))[None]
        return dynamics(mel, self._config)[0, PAST_FRAMES:-1]

    def _listen(self, window: np.ndarray) -> tuple[Tensor, Tensor]:
        """Posteriors ``(2, N, T)`` and cents ``(N, T)`` at the encoder's frames, the final ones before the others."""
        rate, encoder = self._config.sample_rate, self._encoder
        audio = torch.from_numpy(resample(window, rate, encoder.sample_rate)).to(self._device)
        found = torch.sigmoid(torch.stack(encoder(audio[None]), 1)[0])
        cents = estimate_bends(
            audio, found[0], MelConfig(sample_rate=encoder.sample_rate, hop_length=encoder.hop_length)
        )
        new = slice(PAST_FRAMES // 2, PAST_FRAMES // 2 + (self._step + self._ahead) // 2)
        return torch.cat([self._posteriors, found[..., new]], -1), torch.cat([self._cents, cents[:, new]], -1)

    def _content(self, curve: Tensor, posteriors: Tensor, cents: Tensor) -> tuple[Content, float]:
        """The content from `past_frames` before the new frames on, and the time of its first frame."""
        rate, own_rate = self._config.frames_per_second, self._encoder.frames_per_second
        num_frames, first = self._past + self._step + self._ahead, self._count - self._past
        begin = (NOTES_FRAMES - self._past) / 2  # in frames of the encoder
        frame, cents = (resample_frames(x, own_rate, rate, num_frames, begin) for x in (posteriors[0], cents))
        self._notes = self._find_notes(posteriors)
        start_seconds = first / rate
        times = [(note.start_seconds - start_seconds, note.end_seconds - start_seconds) for note in self._notes]
        moved = [Note(*span, note.pitch) for span, note in zip(times, self._notes, strict=True)]
        onset = torch.from_numpy(piano_roll(moved, num_frames, rate)[1].T.copy()).to(frame)
        content = Content(frame, onset, torch.cat([self._curve, curve]), cents, self._notes)
        return content, start_seconds

    def _find_notes(self, posteriors: Tensor) -> list[Note]:
        """The notes of the last seconds; one that still sounds is taken to last for one second more."""
        own_rate = self._encoder.frames_per_second
        offset = (self._count - NOTES_FRAMES) / self._config.frames_per_second
        length = posteriors.shape[-1] / own_rate
        frame, onset = (x.T.cpu().numpy() for x in posteriors)
        found = notes_from_posteriors(frame, onset, own_rate)
        earliest = offset + _EARLIEST_SECONDS
        began = {n.pitch: n.start_seconds for n in self._notes if n.start_seconds < earliest < n.end_seconds}
        notes = []
        for note in found:
            start, end = note.start_seconds + offset, note.end_seconds + offset
            if note.start_seconds < _EARLIEST_SECONDS:
                start = began.get(note.pitch, start)
            end += _SOUNDS_ON_SECONDS * (note.end_seconds >= length)
            notes.append(note._replace(start_seconds=start, end_seconds=end))
        return notes

    def _power(self, heard: np.ndarray) -> np.ndarray:
        """Mean square of a window of the mel around each half frame from the first new one on."""
        hop, size = self._config.hop_length // 2, self._config.n_fft
        first = PAST_FRAMES * self._config.hop_length - size // 2
        total = np.append(0.0, np.cumsum(np.square(heard[first:], dtype=np.float64)))
        start = np.arange(0, len(total) - size, hop)
        power: np.ndarray = (total[start + size] - total[start]) / size
        return power
