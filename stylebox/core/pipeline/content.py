"""The content of a recording: which notes sound when, how loud, and how far from their keys."""

from dataclasses import dataclass

from torch import Tensor

from stylebox.core.music.notes import Note


@dataclass(frozen=True)
class Content:
    """What is to be played; how far notes are from their keys is None where nothing was heard.

    Content is how surely each key sounds, and marks where the notes begin.

    Shape:
        content ``(2, N, T)`` in [0, 1], dynamics ``(T,)`` in [-1, 1], cents ``(N, T)``.
    """

    content: Tensor
    dynamics: Tensor
    notes: list[Note]
    cents: Tensor | None = None
