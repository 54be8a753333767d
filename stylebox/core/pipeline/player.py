"""Plays a score in a style, part by part: draft, diffusion, vocoder. A part goes on where the one before ended.

Every step is local in time, so a part that is seen with a margin has the mel of the whole. Its phases begin with those
at the end of the part before, and a short cross-fade removes what is left of the seam.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from torch import Tensor

from stylebox.core.audio.vibrato import played_bends
from stylebox.core.audio.windows import Window, windows
from stylebox.core.config import MelConfig
from stylebox.core.memory import trim_memory
from stylebox.core.models.draft import DraftNetwork
from stylebox.core.models.vocoder import Vocoder
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, Note, transpose
from stylebox.core.pipeline.content import Content
from stylebox.core.pipeline.draft import draft
from stylebox.core.pipeline.options import Settings
from stylebox.core.pipeline.refine import Refiner
from stylebox.core.pipeline.score import Score
from stylebox.core.pipeline.vocode import NOTHING_BEFORE, Before, mel_to_audio
from stylebox.core.pipeline.work import Track, Work
from stylebox.core.progress import Progress
from stylebox.core.store.styles import Style

PART_FRAMES, MARGIN_FRAMES = 8704, 256  # 101 s kept of a part, 3 s seen on either side; multiples of all strides
_CONTEXT_FRAMES = 96  # that the vocoder sees on either side of what it makes audible
_LEAD_FRAMES = 16  # that two parts have in common on either side of their seam
_FADE_SAMPLES = 1024
_DRAFT_SHARE, _DIFFUSION_SHARE = 0.2, 0.5  # of the time of a part

Report = Callable[[float], None]


@dataclass(frozen=True)
class Player:
    """Networks and settings of one transfer.

    Attributes:
        config: Of the mel.
        draft_network: Content and style to draft.
        refiner: The networks of the diffusion; None leaves the draft.
        vocoder: The neural vocoder; None where the settings name another method.
        style: In whose sound.
        settings: What the user asks for.
    """

    config: MelConfig
    draft_network: DraftNetwork
    refiner: Refiner | None
    vocoder: Vocoder | None
    style: Style
    settings: Settings

    def play(self, score: Score, num_samples: int, work: Work, report: Report = lambda share: None) -> Track:
        """Play all of a score; what an earlier run has played is kept.

        Args:
            score: In the keys of the recording; the settings say how far it is transposed.
            num_samples: Length of the result.
            work: Gets the sound, and knows how far an earlier run came.
            report: Called with the share that is done.

        Returns:
            The sound at the model's own level, one value per sample.
        """
        sound = work.track("played", num_samples, None, np.float32)
        parts = list(windows(score.num_frames, PART_FRAMES, MARGIN_FRAMES))
        seed, kept = self.settings.seed, work.load("seam")
        done, tail = 0, np.zeros(0, np.float32)
        if kept is not None and kept["seed"] == seed:  # parts of another seed do not fit: the kept seed was damaged
            done, tail = int(kept["parts"]), kept["tail"]
        for number, window in enumerate(parts[done:], start=done):
            share = partial(_within, report, number, len(parts))
            tail = self._play_part(score, window, tail, sound, share)
            work.save("seam", parts=number + 1, tail=tail, seed=seed)
            trim_memory()
            report((number + 1) / len(parts))
        return sound

    def notes_of(self, score: Score) -> list[Note]:
        """The notes of a score as they are played: in the keys of the settings, without those off the keyboard.

        Args:
            score: In the keys of the recording.
        """
        moved = transpose(score.notes, self.settings.transpose)
        return [note for note in moved if 0 <= note.pitch - LOWEST_KEY < NUM_KEYS]

    def mel(self, content: Content, first_frame: int = 0, report: Report = lambda share: None) -> Tensor:
        """The mel of some content.

        Args:
            content: With the instrument's keys and pitch bends.
            first_frame: Where it begins in the whole.
            report: Called with the share that is done.

        Shape:
            ``(M, T)``.
        """
        mel = draft(self.draft_network, content, self.style)
        report(_DRAFT_SHARE)
        if self.refiner is None:
            return mel

        def progress(step: Progress) -> None:
            report(_DRAFT_SHARE + _DIFFUSION_SHARE * step.done / (step.total or 1))

        return self.refiner.refine(mel, content, self.style, self.settings, progress, first_frame)

    def in_style(self, content: Content, start_seconds: float = 0.0) -> Content:
        """Content in the keys of the settings, with the bends that the instrument plays: some of the input's, its own.

        Args:
            content: Of the recording.
            start_seconds: Where it begins in the whole.
        """
        settings, rate, playing = self.settings, self.config.frames_per_second, self.style.intonation
        content = content.transposed(settings.transpose)
        absolute = [
            note._replace(
                start_seconds=note.start_seconds + start_seconds, end_seconds=note.end_seconds + start_seconds
            )
            for note in content.notes
        ]
        cents = played_bends(
            content.cents, absolute, rate, playing, settings.seed, settings.bend, settings.vibrato, start_seconds
        )
        return replace(content, cents=cents)

    def _play_part(self, score: Score, window: Window, tail: np.ndarray, sound: Track, report: Report) -> np.ndarray:
        """Play the kept frames of a window into the sound; gives the audio around the end, for the next part."""
        hop, num_frames, num_samples = self.config.hop_length, score.num_frames, len(sound)
        content = self.in_style(score.window(window.first, window.last), window.first / self.config.frames_per_second)
        mel = self.mel(content, window.first, report)
        trim_memory()  # what the denoiser used; the vocoder needs the most
        first, last = max(window.first, window.start - _CONTEXT_FRAMES), min(window.last, window.stop + _CONTEXT_FRAMES)
        begin, end = max(window.first, window.start - _LEAD_FRAMES), min(window.last, window.stop + _LEAD_FRAMES)
        seen = (first - window.first, last - window.first)
        before = NOTHING_BEFORE
        if window.start:
            before = Before(begin - first, tail, min(2 * _LEAD_FRAMES * hop, num_samples - begin * hop), begin * hop)
        stop = num_samples if end == num_frames else end * hop
        audio = mel_to_audio(
            mel[:, slice(*seen)],
            content.part(*seen, self.config.frames_per_second),
            self.config,
            stop - begin * hop,
            method=self.settings.vocoder,
            vocoder=self.vocoder,
            sharpen=not self.style.sustained,
            before=before,
        )
        from_sample = 0
        if window.start:
            from_sample = window.start * hop - _FADE_SAMPLES // 2
            audio = cross_fade(tail[-before.ahead :], audio, from_sample - begin * hop)
        to_sample = num_samples if window.stop == num_frames else window.stop * hop - _FADE_SAMPLES // 2
        sound.write(from_sample, audio[from_sample - begin * hop : to_sample - begin * hop])
        return audio[max(0, (window.stop - 2 * _LEAD_FRAMES) * hop - begin * hop) :].copy()


def cross_fade(earlier: np.ndarray, later: np.ndarray, start: int) -> np.ndarray:
    """Two versions of one sound, the first up to some place, the second after it.

    The power of the fade is that of the sounds, whether they agree (linear) or not (equal power).

    Args:
        earlier: From the same moment on as `later`; ends after the fade.
        later: The sound to go on with.
        start: Where the fade begins, in samples.

    Shape:
        earlier ``(S,)``, later ``(S',)`` -> ``(S',)``.
    """
    stop = min(start + _FADE_SAMPLES, len(earlier), len(later))
    one, two = earlier[start:stop], later[start:stop]
    rise = (np.arange(len(one), dtype=np.float32) + 1) / (len(one) + 1)
    power = np.sqrt(float(one @ one) * float(two @ two))
    likeness = min(max(float(one @ two) / power, 0.0), 1.0) if power > 0 else 1.0
    norm = np.sqrt((1 - rise) ** 2 + rise**2 + 2 * likeness * rise * (1 - rise))
    return np.concatenate([earlier[:start], ((1 - rise) * one + rise * two) / norm, later[stop:]])


def _within(report: Report, number: int, count: int, share: float) -> None:
    """Report a share of one part of several."""
    report((number + share) / count)
