"""Samples that are no numbers, or absurdly large, which occur in damaged float files: they become silence."""

import numpy as np

from stylebox.core.errors import AudioError

INSANE_LEVEL = 1e6  # +120 dBFS
MAX_DAMAGED_SHARE = 0.01  # of the samples; with more the file is refused


def without_nonsense(block: np.ndarray) -> tuple[np.ndarray, int]:
    """Samples with those set to zero that are not finite, or absurdly large; and how many these were.

    Shape:
        Any shape -> the same.
    """
    sane = np.abs(block) < INSANE_LEVEL  # false for NaN too
    return np.where(sane, block, np.float32(0)), block.size - int(np.count_nonzero(sane))


class DamagedSamples:
    """Replaces and counts them in the blocks of a file."""

    def __init__(self) -> None:
        self._number = self._all = 0

    def silenced(self, block: np.ndarray) -> np.ndarray:
        """A block without them.

        Shape:
            Any shape -> the same.
        """
        sane, number = without_nonsense(block)
        self._number, self._all = self._number + number, self._all + block.size
        return sane

    def reported(self, name: str) -> list[str]:
        """A remark on those since the last report; none if there are none.

        Args:
            name: Of the file.

        Raises:
            AudioError: They are more than 1 %.
        """
        number, total = self._number, self._all
        self._number = self._all = 0
        if number > MAX_DAMAGED_SHARE * total:
            raise AudioError(f"{name}: {number / total:.0%} of its samples are no numbers; record or export it again")
        those = "is no number; it is silent" if number == 1 else "are no numbers; they are silent"
        return [f"{number} of its samples {those}"] if number else []
