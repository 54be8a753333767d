"""The loudness of one sound for another, step by step: for live sound, of whose future little is known."""

import numpy as np

from stylebox.core.audio.energy import HOPS_PER_SECOND, Energy
from stylebox.core.audio.loudness import PHRASE_SECONDS, follow_gain, loudness_of

_PAST_SECONDS = PHRASE_SECONDS / 2 + 0.4  # half a phrase, and how far a level falls and is smoothed
_MEMORY_SECONDS = 10.0  # over which both sounds are equally loud, by a gain of at most:
_MOST_CORRECTION_DB = 6.0
_FADE_SECONDS = 0.1  # from the gains that the step before expected to those of a step


class LoudnessFollower:
    """Gains that bring a sound to the loudness of its input, as `follow_gain` does for whole sounds.

    A gain depends on the phrase around a moment, as far as it is known. Over the last seconds both sounds are equally
    loud. Where the input is silent, so is the result.

    Args:
        frames_per_second: Of the levels.
        closeness: 0 follows the input over phrases, 1 over about 90 ms.
    """

    def __init__(self, frames_per_second: float, closeness: float = 0.0) -> None:
        self._rate, self._closeness = frames_per_second, closeness
        self._past = np.zeros((2, round(_PAST_SECONDS * frames_per_second)))  # power of the input and of the sound
        self._heard = np.zeros((2, 0))  # the same with the gains, over the last seconds
        self._correction_db = 0.0
        self._fade = np.arange(1, round(_FADE_SECONDS * frames_per_second)) / round(_FADE_SECONDS * frames_per_second)
        self._expected = np.zeros(0)  # gains of the frames after the last ones

    def gains(self, wanted: np.ndarray, found: np.ndarray, num_frames: int, gain_db: float = 0.0) -> np.ndarray:
        """The gains of the next frames.

        Args:
            wanted: Power of the input: of the next frames, and of those beyond as far as they are known.
            found: Power of the sound to change, of the same frames.
            num_frames: How many frames are final.
            gain_db: A gain that the sound to change gets anyway; the result contains it.

        Returns:
            Amplitudes, at most 18 dB above `gain_db`.

        Shape:
            ``(T,)`` -> ``(num_frames,)``.
        """
        count = self._past.shape[1]
        known = np.append(self._past, np.stack([wanted, found]), 1)
        curve = follow_gain(self._energy(known[1]), self._energy(known[0]), self._closeness, gain_db=gain_db)
        middle = (np.arange(count, known.shape[1]) + 0.5) * (HOPS_PER_SECOND / self._rate)
        gains = np.interp(middle, np.arange(len(curve)), curve) * 10 ** (gain_db / 20)
        correction_db = self._correct(wanted[:num_frames], found[:num_frames] * np.square(gains[:num_frames]))
        self._past = known[:, num_frames : num_frames + count]
        gains = gains * 10 ** (correction_db / 20)
        size = min(len(self._fade), len(self._expected), num_frames)
        gains[:size] = self._expected[:size] + self._fade[:size] * (gains[:size] - self._expected[:size])
        self._expected = gains[num_frames:]
        final: np.ndarray = gains[:num_frames].astype(np.float32)
        return final

    def _energy(self, power: np.ndarray) -> Energy:
        """Power of frames as the energy of hops."""
        hops = int(len(power) * HOPS_PER_SECOND / self._rate)
        edges = np.arange(hops + 1) * (self._rate / HOPS_PER_SECOND)
        total = np.interp(edges, np.arange(len(power) + 1), np.append(0.0, np.cumsum(power)))
        return Energy(np.diff(total)[:, None] * (HOPS_PER_SECOND / self._rate), np.ones(hops, int))

    def _correct(self, wanted: np.ndarray, played: np.ndarray) -> float:
        """The gain in dB that makes both sounds equally loud over the last seconds, the final frames among them."""
        frames = round(_MEMORY_SECONDS * self._rate)
        self._heard = np.append(self._heard, np.stack([wanted, played]), 1)[:, -frames:]
        wanted_db, played_db = (loudness_of(self._energy(power)) for power in self._heard)
        if np.isfinite(wanted_db) and np.isfinite(played_db):
            self._correction_db = float(np.clip(wanted_db - played_db, -_MOST_CORRECTION_DB, _MOST_CORRECTION_DB))
        return self._correction_db
