"""The result of a transfer."""

from dataclasses import dataclass, field

import numpy as np

from stylebox.core.music.notes import Note


@dataclass(frozen=True)
class TransferResult:
    """A transfer's result. Notes are those heard in the input, as played back (after any transposition)."""

    audio: np.ndarray
    sample_rate: int
    seed: int
    transpose: int
    notes: list[Note]
    warnings: list[str] = field(default_factory=list)
