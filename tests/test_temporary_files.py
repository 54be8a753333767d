"""Temporary files where the system has no folder for them, as in a container that is read-only."""

import errno
import io
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from stylebox.core import temporary_files
from stylebox.core.audio.io.source import opened
from stylebox.core.errors import AudioError, StyleboxError
from stylebox.core.files import refuse_overwrite
from stylebox.core.lock import sole_writer
from stylebox.core.temporary_files import temporary_folder

NOWHERE = """
import tempfile
from pathlib import Path
tempfile._candidate_tempdir_list = lambda: []
from stylebox.core.files import refuse_overwrite
from stylebox.core.temporary_files import fall_back_for_libraries
fall_back_for_libraries()
Path("first").mkdir()
refuse_overwrite(Path("first/picture.png"), force=False)
Path("first").rmdir()
refuse_overwrite(Path("picture.png"), force=False)
import matplotlib.image
"""


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder of the system can be written to."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    monkeypatch.setattr(temporary_files, "_beside", None)


@pytest.mark.usefixtures("nowhere")
def test_temporary_files_lie_beside_the_output_or_are_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(StyleboxError, match=r"no folder for temporary files .*; set TMPDIR"):
        temporary_folder()
    refuse_overwrite(tmp_path / "out.wav", force=False)
    with temporary_folder() as folder:
        assert Path(folder).parent == tmp_path
    assert tempfile.tempdir is None, "what other programs see has not changed"


@pytest.mark.usefixtures("nowhere")
def test_temporary_files_lie_in_the_folder_that_is_locked(tmp_path: Path) -> None:
    with sole_writer(tmp_path, "test"), temporary_folder() as folder:
        assert Path(folder).parent == tmp_path


@pytest.mark.usefixtures("nowhere")
def test_a_long_pipe_without_room_for_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylebox.core.audio.io.source._PIPE_BYTES", 100)
    with (
        subprocess.Popen([sys.executable, "-c", "print(1000 * 'a')"], stdout=subprocess.PIPE) as writing,
        pytest.raises(AudioError, match=r"cannot be kept in a temporary file \(.*\); set TMPDIR"),
        opened(writing.stdout),  # type: ignore[arg-type]  # a pipe
    ):
        pass


def test_a_pipe_that_fails_is_not_blamed_on_the_temporary_file() -> None:
    class Failing(io.RawIOBase):
        name = "pipe"

        def read(self, size: int = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    with (
        pytest.raises(AudioError, match=r"^pipe: cannot be read \(Input/output error\)"),
        opened(cast(BinaryIO, Failing())),
    ):
        pass


def test_pictures_need_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Matplotlib wants a folder that it can write to, and keeps nothing there that a picture needs."""
    monkeypatch.setenv("MPLCONFIGDIR", "/dev/null/matplotlib")
    subprocess.run([sys.executable, "-W", "ignore", "-c", NOWHERE], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []
