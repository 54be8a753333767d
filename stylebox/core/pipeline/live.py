"""A transfer while the music is played: audio goes in block by block, and the same music in another sound comes out.

The steps are those of a transfer, on a window that slides. Each knows the music up to a look-ahead, so the output is
later than the input by a fixed latency; beyond the window nothing but loudness has influence, so the output is close to
a transfer of the whole (docs/live.md has the difference).
"""

import time
from collections import deque
from dataclasses import replace

import numpy as np

from stylebox.core.audio.vibrato import played_bends
from stylebox.core.errors import ModelError
from stylebox.core.music.register import octave_shift
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.live_content import LiveContent, LiveTranscriber
from stylebox.core.pipeline.live_rate import mono_block
from stylebox.core.pipeline.live_sound import LiveSound
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.player import Player

STEP_FRAMES = 32  # of the mel, computed at once: 0.37 s
LOOK_AHEAD_SECONDS = 0.4  # more brings the output hardly nearer to that of a whole transfer (docs/log.md)
PAST_FRAMES = 48  # of the mel: what the draft network sees before the first new frame
_ALIGN = 8  # frames: the draft network halves time three times
_LOAD_STEPS = 40  # the load is a mean over so many steps
_REST_SECONDS = 0.5  # without a note: a phrase has ended


class LiveTransfer:
    """A block processor: give it blocks of mono audio of any size, get blocks of the same size.

    Memory is bounded. The block that completes a step takes the time of the networks; the others take none.

    Args:
        pipeline: The model; it must have a neural vocoder.
        options: As for a transfer. The transposition, if it is not given, follows from the first notes, and may change
            once more in the first rest.
        look_ahead_seconds: Music that is known beyond a moment before it sounds, 0.1 to 4. The less, the lower the
            latency, and the more notes and attacks are missed.
        step_frames: Frames of the mel that are computed at once, a multiple of 8. More cost less time in all, and are
            later.

    Raises:
        StyleboxError: the style is unknown, an option is out of range, or the model cannot play live.
    """

    def __init__(
        self,
        pipeline: BasePipeline,
        options: TransferOptions,
        look_ahead_seconds: float = LOOK_AHEAD_SECONDS,
        step_frames: int = STEP_FRAMES,
    ) -> None:
        if not 0.1 <= look_ahead_seconds <= 4:
            raise ModelError(f"--look-ahead {look_ahead_seconds}: must be from 0.1 to 4 seconds")
        config = pipeline.mel_config
        self._pipeline, self._settings = pipeline, pipeline.resolve(options)
        self._style = pipeline.style(options.spec)
        if self._settings.vocoder != "neural":
            raise ModelError(f"--vocoder {self._settings.vocoder}: live transfers need the neural one")
        ahead = _ALIGN * round(look_ahead_seconds * config.frames_per_second / _ALIGN)
        self._hop, self._rate, self._step_frames = config.hop_length, config.frames_per_second, step_frames
        self._transcriber = LiveTranscriber(
            pipeline.content_encoder,
            pipeline.mel_transform,
            step_frames=step_frames,
            look_ahead_frames=ahead,
            past_frames=PAST_FRAMES,
        )
        self._sound = LiveSound(
            pipeline.vocoder,
            sharpen=not self._style.sustained,
            closeness=self._settings.follow,
            frames_per_second=config.frames_per_second,
        )
        refiner = pipeline.refiner if self._settings.diffuses else None
        networks = (pipeline.draft_network, refiner, pipeline.vocoder)
        self._player = Player(config, *networks, self._style, self._settings)
        self._done = 0  # frames
        self._fixed = not self._settings.into_register
        self._transpose: int | None = self._settings.transpose if self._fixed else None
        self._needed = (step_frames + ahead) * self._hop  # samples of the next step
        self._waiting = np.zeros(0, np.float32)
        self._seconds: deque[float] = deque(maxlen=_LOAD_STEPS)  # that the last steps took
        self.latency_samples = self._needed + self._sound.delay_samples
        self._ready = np.zeros(self.latency_samples, np.float32)

    @property
    def sample_rate(self) -> int:
        """Rate of the blocks, in Hz."""
        return self._pipeline.sample_rate

    @property
    def step_seconds(self) -> float:
        """Length of the audio that is computed at once."""
        return self._step_frames * self._hop / self.sample_rate

    @property
    def transpose(self) -> int | None:
        """Semitones from the input to the output; None before the first note."""
        return self._transpose

    @property
    def load(self) -> float:
        """Time that the last steps took, relative to the time of their audio; above 1 the machine is too slow."""
        return sum(self._seconds) / (len(self._seconds) * self.step_seconds) if self._seconds else 0.0

    def process(self, block: np.ndarray) -> np.ndarray:
        """The next block of the output, which is `latency_samples` later than the input.

        Args:
            block: Any number of samples at `sample_rate`; full scale is 1.

        Shape:
            ``(S,)`` -> ``(S,)``, float32.
        """
        self._waiting = np.append(self._waiting, mono_block(block))
        while len(self._waiting) >= self._needed:
            start = time.perf_counter()
            made = self._step(self._waiting[: self._needed])
            self._ready = np.append(self._ready, made)
            self._waiting = self._waiting[self._needed :]
            self._needed = self._step_frames * self._hop
            self._seconds.append(time.perf_counter() - start)
        out, self._ready = self._ready[: len(block)], self._ready[len(block) :]
        return out

    def _step(self, audio: np.ndarray) -> np.ndarray:
        """The audio that the next stretch of input completes."""
        heard = self._transcriber.step(audio)
        self._choose_register(heard)
        content = self._in_style(heard)
        first = self._done - PAST_FRAMES
        self._done += self._step_frames
        exists = max(0, -first)  # before the beginning of the input there is nothing
        known = content.part(exists, content.frame.shape[1], self._rate)
        mel = self._player.mel(known, first + exists)[:, PAST_FRAMES - exists :]
        return self._sound.step(mel, content, heard, self._step_frames)

    def _choose_register(self, heard: LiveContent) -> None:
        """Choose the octave as the first notes appear, and again, for good, as the first phrase has ended."""
        notes = heard.content.notes
        if self._fixed or not notes:
            return
        now = heard.start_seconds + PAST_FRAMES / self._rate
        rest = all(note.end_seconds < now - _REST_SECONDS or note.start_seconds > now for note in notes)
        if self._transpose is None or rest:
            self._transpose, self._fixed = octave_shift(notes, self._style.register), rest

    def _in_style(self, heard: LiveContent) -> Content:
        """Content in the register of the style, with the bends that the instrument plays."""
        content, settings = heard.content.transposed(self._transpose or 0), self._settings
        cents = played_bends(
            content.cents,
            content.notes,
            self._rate,
            self._style.intonation,
            settings.seed,
            settings.bend,
            settings.vibrato,
            heard.start_seconds,
        )
        return replace(content, cents=cents)
