"""The input of a transfer, or of transfers to several styles: opened, measured, transcribed and shown once.

Decides where the work on a recording is kept. Knows nothing of outputs but their names.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from stylebox import __version__
from stylebox.core.audio.io.read import resample_blocks
from stylebox.core.audio.io.source import opened
from stylebox.core.jobs.file_recording import FileRecording
from stylebox.core.jobs.kept_work import KEPT_SECONDS, kept_folder
from stylebox.core.jobs.pipelines import weights_state
from stylebox.core.jobs.shown_sound import ShownSound, show
from stylebox.core.lock import sole_writer
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.pipeline.recording import MonoSource, fitted, length_at
from stylebox.core.pipeline.work import Work, remove_work
from stylebox.core.standard_streams import STREAM
from stylebox.core.temporary_files import temporary_folder


class InputFile:
    """A sound file to transfer: a context manager that opens it when it is first needed.

    Args:
        path: A file; ``-`` is standard input.
        pipeline: The loaded model.
        notes_folder: Where several transfers keep the notes of a long recording; unless given, a transfer keeps them
            with its own work.
        owner: The command that works on it, for other processes.
    """

    def __init__(
        self, path: Path, pipeline: Pipeline, notes_folder: Path | None = None, owner: str = "stylebox transfer"
    ) -> None:
        self.path, self._owner = path, owner
        self._pipeline, self._notes_folder, self._open = pipeline, notes_folder, ExitStack()
        self._shown: dict[tuple[int, str], ShownSound] = {}

    def __enter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def recording(self) -> FileRecording:
        """The open file.

        Raises:
            AudioError: it cannot be read.
        """
        return FileRecording.of(*self._open.enter_context(opened(self.path)))

    @cached_property
    def source(self) -> MonoSource:
        """The model's view of it, which is measured once."""
        return MonoSource(self.recording, self._pipeline.sample_rate)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.source.measured.channels

    def shown(self, sample_rate: int, suffix: str) -> ShownSound:
        """It as pictures and pages show it; it is read when this is first asked for.

        Args:
            sample_rate: Of what is shown, in Hz.
            suffix: Of the file for a page; empty if there is no page.
        """
        recording, rate = self.recording, self.recording.sample_rate
        num_samples = length_at(self.source.measured.num_samples, rate, sample_rate)

        def blocks() -> Iterable[np.ndarray]:
            resampled = resample_blocks(recording.blocks(), rate, sample_rate, self.channels)
            return fitted(resampled, num_samples, self.channels)

        key = sample_rate, suffix
        if key not in self._shown:
            self._shown[key] = show(blocks, num_samples, sample_rate, self.channels, suffix)
        return self._shown[key]

    @contextmanager
    def work(self, output: Path, options: TransferOptions | None = None) -> Iterator[Work]:
        """The work on an output: in a hidden folder beside it, or in memory if the recording is short.

        Args:
            output: The file; ``-`` is standard output.
            options: Another run with other options does not continue the work.

        Raises:
            StyleboxError: another process is writing the output.
        """
        if self._is_short:
            yield Work(content=self._notes)
            return
        with kept_folder(output, self._owner, not self._is_piped) as folder:
            yield Work(folder, self._key(options), self._notes)

    def remove_notes(self) -> None:
        """Delete the notes that several transfers shared, after all of them."""
        if self._notes_folder is not None:
            remove_work(self._notes_folder)

    @property
    def _is_short(self) -> bool:
        return self.source.measured.num_samples <= KEPT_SECONDS * self.recording.sample_rate

    @cached_property
    def _notes(self) -> Work | None:
        """The work on the notes, for all outputs; None leaves it to the work of the only output."""
        if self._is_short:
            return Work()
        if self._notes_folder is None:
            return None
        folder = self._notes_folder
        if self._is_piped:
            folder = Path(self._open.enter_context(temporary_folder()))
        self._open.enter_context(sole_writer(folder, self._owner))
        return Work(folder, self._key())

    @property
    def _is_piped(self) -> bool:
        """Whether it comes from a pipe, of which nothing is left for another run."""
        return str(self.path) == STREAM

    def _key(self, *settings: object) -> str:
        """Names work by what it depends on: program, weights, device, settings, and path, size and time of the file."""
        identity: tuple[object, ...] = (STREAM, 0, 0)
        if not self._is_piped:
            status = self.path.stat()
            identity = str(self.path.absolute()), status.st_size, status.st_mtime_ns
        model, device = self._pipeline.model, str(self._pipeline.device)
        return repr((__version__, weights_state(model), device, *settings, *identity))
