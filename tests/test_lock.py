"""One writer at a time: a second one learns who the first is, and a lock left by a killed process is no obstacle."""

import os
import signal
import time
from pathlib import Path
from typing import IO, Any

import pytest
from support.command_result import Start

from stylebox.core.errors import StyleboxError
from stylebox.core.lock import LOCK_NAME, sole_writer

HOLD = (
    "import time; from pathlib import Path; from stylebox.core.lock import sole_writer\n"
    "with sole_writer(Path('folder'), 'stylebox build'): print('has it', flush=True); time.sleep(60)"
)


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path, start: Start) -> None:
    holder = start("-c", HOLD, cwd=tmp_path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "has it\n"
    owner = rf"folder: `stylebox build` \(process {holder.pid} on .*\) is writing to it; wait until it ends"
    with pytest.raises(StyleboxError, match=owner), sole_writer(tmp_path / "folder", "stylebox train vae"):
        pass
    with sole_writer(tmp_path / "another", "stylebox build"):
        pass


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_lock_ends_with_its_process(tmp_path: Path, start: Start) -> None:
    holder = start("-c", HOLD, cwd=tmp_path)
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.kill()
    holder.wait()
    assert (tmp_path / "folder" / LOCK_NAME).exists()
    with sole_writer(tmp_path / "folder", "stylebox build"):
        pass
    if os.name == "posix":
        assert not (tmp_path / "folder" / LOCK_NAME).exists()


def test_many_writers_in_turn_never_meet(tmp_path: Path, start: Start) -> None:
    """Each adds one to a number, slowly; without the lock some additions are lost."""
    count = (
        "import time; from pathlib import Path; from stylebox.core.errors import StyleboxError\n"
        "from stylebox.core.lock import sole_writer\n"
        "done = 0\n"
        "while done < 20:\n"
        "    try:\n"
        "        with sole_writer(Path('folder'), 'count'):\n"
        "            value = int(Path('n').read_text()); time.sleep(0.002); Path('n').write_text(str(value + 1))\n"
        "            done += 1\n"
        "    except StyleboxError: time.sleep(0.001)\n"
    )
    (tmp_path / "n").write_text("0")
    writers = [start("-c", count, cwd=tmp_path) for _ in range(3)]
    deadline = time.monotonic() + 60
    assert [writer.wait(timeout=deadline - time.monotonic()) for writer in writers] == [0, 0, 0]
    assert (tmp_path / "n").read_text() == "60"


def test_a_folder_where_no_lock_may_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError) as failed, sole_writer(tmp_path, "stylebox build"):
        pass
    assert failed.value.filename == str(tmp_path)


def test_a_folder_that_its_last_owner_deletes_meanwhile_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a transfer deletes its work when another one begins."""
    folder, opened, tries = tmp_path / "work", Path.open, list[Path]()

    def deleted(path: Path, *how: Any, **more: Any) -> IO[Any]:
        tries.append(path)
        if len(tries) == 1:
            folder.rmdir()
        file: IO[Any] = opened(path, *how, **more)
        return file

    monkeypatch.setattr(Path, "open", deleted)
    with sole_writer(folder, "test"):
        assert len(tries) == 2
