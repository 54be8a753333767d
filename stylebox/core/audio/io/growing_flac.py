"""A FLAC file that grows where it is, for recordings: what was written is there after a killed process."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from stylebox.core.audio.io.encode import begin_file
from stylebox.core.audio.io.tags import Tags


class GrowingFlac:
    """A FLAC file of 24 bits that grows where it is: if the process is killed, it holds what was written until then.

    A context manager.

    Args:
        path: Of the file; what is there is lost.
        sample_rate: In Hz.
        channels: Number of channels.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        self._path, self._kind = path, (".flac", sample_rate, channels, 24, Tags())
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with self._open as opening:
            self._stream = opening.enter_context(self._path.open("w+b"))
            self._encoder = begin_file(self._stream, *self._kind)
            opening.callback(self._encoder.close)
            self._open = opening.pop_all()
        return self

    def write(self, block: np.ndarray) -> None:
        """Append samples.

        Raises:
            OSError: the disk is full, for example.

        Shape:
            ``(S, C)``, or ``(S,)`` for one channel.
        """
        self._encoder.write(np.asarray(block, np.float32).reshape(len(block), -1))
        self._stream.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._open:
            self._encoder.finish()
