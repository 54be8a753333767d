"""Where the work on an output is kept: in a hidden folder beside it, so that an interrupted run can be continued."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stylebox.core.file_names import MAX_OUTPUT_BYTES, shortened
from stylebox.core.files import file_behind, remove_partial_files_of
from stylebox.core.lock import sole_writer
from stylebox.core.standard_streams import STREAM
from stylebox.core.temporary_files import temporary_folder

KEPT_SECONDS = 90.0  # the work on a longer sound is kept on disk


@contextmanager
def kept_folder(output: Path, owner: str, can_continue: bool = True) -> Iterator[Path]:
    """The folder for the work on an output: beside it, or a temporary one where no later run can continue the work.

    What a killed run left half-written of the output is deleted.

    Args:
        output: The file; ``-`` is standard output.
        owner: The command that works on it, for other processes.
        can_continue: Whether a later run can read the same input again, which it cannot from a pipe.

    Raises:
        StyleboxError: another process is writing the output.
    """
    is_file = str(output) != STREAM
    if is_file and can_continue:
        folder = output.absolute().with_name(f".{shortened(output.name, MAX_OUTPUT_BYTES)}.work")
        with sole_writer(folder, owner):
            remove_partial_files_of(file_behind(output))
            yield folder
    else:
        with temporary_folder() as temporary:
            if is_file:
                remove_partial_files_of(file_behind(output))
            yield Path(temporary)
