"""The loudness of one sound for another, frame by frame: for live sound, whose future is unknown."""

import numpy as np

PHRASE_SECONDS = 0.5  # time constant of the levels that are compared, where phrases are followed
MOMENT_SECONDS = 0.09  # the same where each moment is followed
MAX_GAIN = 4.0  # amplitude: 12 dB
_PRIOR_SECONDS, _PRIOR_POWER = 0.5, 10.0**-2.3  # before the first note both sounds count as this loud, for so long
_SILENT_POWER = 1e-6  # -60 dBFS
_RELEASE_DB_PER_SECOND = 200.0  # fastest decay of the input's level: a tail of up to 0.3 s may sound on
_FADE_SECONDS = 0.03  # of the gate that makes silence of what follows


class LoudnessFollower:
    """Gains that bring a sound to the loudness of its input over phrases, so that each note keeps its own envelope.

    The power of both is summed with a forgetting factor while notes sound. Where the input is silent, so is the result.

    Args:
        frames_per_second: Of the levels.
        closeness: 0 follows the input over about half a second, 1 over about 90 ms.
    """

    def __init__(self, frames_per_second: float, closeness: float = 0.0) -> None:
        seconds = PHRASE_SECONDS * (MOMENT_SECONDS / PHRASE_SECONDS) ** closeness
        self._kept = float(np.exp(-1 / (seconds * frames_per_second)))
        self._sums = np.full(2, _PRIOR_SECONDS * frames_per_second * _PRIOR_POWER)
        self._fall = 10.0 ** (-_RELEASE_DB_PER_SECOND / 10 / frames_per_second)
        self._fade = 1 / (_FADE_SECONDS * frames_per_second)
        self._level, self._gate = 0.0, 0.0

    def gains(self, wanted: np.ndarray, found: np.ndarray, playing: np.ndarray) -> np.ndarray:
        """The gains of the next frames.

        Args:
            wanted: Power of the input.
            found: Power of the sound to change.
            playing: Whether notes sound; other frames leave the gain as it is.

        Returns:
            Amplitudes in [0, `MAX_GAIN`].

        Shape:
            All are ``(T,)``.
        """
        gains = np.empty(len(wanted), np.float32)
        for t, levels in enumerate(np.stack([wanted, found], 1)):
            if playing[t]:
                self._sums = self._kept * self._sums + levels
            self._level = max(float(wanted[t]), self._fall * self._level)
            sounding = float(self._level > _SILENT_POWER)
            self._gate += float(np.clip(sounding - self._gate, -self._fade, self._fade))
            gain = np.sqrt(self._sums[0] / max(self._sums[1], 1e-12))
            gains[t] = self._gate * min(float(gain), MAX_GAIN)
        return gains
