"""What is played live, kept on disk while it grows. Knows nothing of how it is made."""

import queue
import threading
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import numpy as np

from stylebox.core.audio.io.growing_flac import GrowingFlac
from stylebox.core.audio.io.read import AudioReader
from stylebox.core.audio.io.write import AudioWriter

_WAITING_BLOCKS = 1000  # that a slow disk may leave unwritten, some 50 s; then the sound waits for it


class KeptOutput:
    """What is played, on disk: beside the output's name while it grows, under its name at the end.

    A thread of its own writes, so that no sound waits for the disk.

    Args:
        output: A sound file of any format that can be written.
        sample_rate: In Hz.
    """

    def __init__(self, output: Path, sample_rate: int) -> None:
        output.parent.mkdir(parents=True, exist_ok=True)
        self._output, self._sample_rate = output, sample_rate
        names = (output.with_name(f"{output.stem}.part{number or ''}.flac") for number in count())
        self.part = next(name for name in names if not name.exists())  # one of a killed run stays
        self._open, self._is_empty = ExitStack(), True
        self._file = self._open.enter_context(GrowingFlac(self.part, sample_rate, 1))
        self._blocks = queue.Queue[np.ndarray | None](_WAITING_BLOCKS)
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._write_all, daemon=True, name="kept output")
        self._thread.start()

    def write(self, block: np.ndarray) -> None:
        """Append a block.

        Raises:
            OSError: one of the blocks before could not be written: the disk is full, for example.

        Shape:
            ``(S,)``.
        """
        if self._failure is not None:
            raise self._failure
        self._blocks.put(block)
        self._is_empty = False

    def finish(self, first: int, num_samples: int | None) -> Path:
        """Write the output in its format.

        Args:
            first: The first sample of it.
            num_samples: Its length, with silence where less was played; None for all that was played.

        Raises:
            AudioError: it cannot be written; what was played stays in `part`.
            OSError: a block could not be written.
        """
        self._close()
        if self._failure is not None:
            raise self._failure
        before, left = first, num_samples
        with AudioReader(self.part) as played, AudioWriter(self._output, self._sample_rate) as writer:
            for block in played:
                kept = block[before:][:left]
                before = max(0, before - len(block))
                writer.write(kept)
                left = None if left is None else left - len(kept)
            writer.write(np.zeros(left or 0, np.float32))
        self.part.unlink()
        return self._output

    def discard(self) -> None:
        """Close it: there will be no output. What was played stays in `part`, unless nothing was."""
        self._close()
        if self._is_empty:
            self.part.unlink(missing_ok=True)

    def _write_all(self) -> None:
        """Write each block that arrives, until there is one that is None."""
        while (block := self._blocks.get()) is not None:
            if self._failure is None:
                try:
                    self._file.write(block)
                except OSError as error:
                    self._failure = error

    def _close(self) -> None:
        """Write what waits, and end the file."""
        self._blocks.put(None)
        self._thread.join()
        self._open.close()
