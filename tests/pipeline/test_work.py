"""The work of a transfer: the same in memory and in a folder, kept for the same key and deleted for another."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from stylebox.core.pipeline.work import Work


@pytest.mark.parametrize("on_disk", [False, True])
def test_tracks_and_facts_are_what_was_written(tmp_path: Path, on_disk: bool) -> None:
    work = Work(tmp_path / "work" if on_disk else None, "a")
    track, curve = work.track("keys", 10, 3, np.float16), work.track("curve", 5, None, np.float32)
    track.write(4, np.ones((2, 3)))
    curve.write(0, np.arange(5.0))
    assert track.read(3, 7).sum(1).tolist() == [0, 3, 3, 0]
    assert track.read(8, 99).shape == (2, 3)
    assert curve.read(1, 4).tolist() == [1, 2, 3]
    work.save("seam", parts=2, tail=np.arange(3))
    kept = work.load("seam")
    assert kept is not None
    assert int(kept["parts"]) == 2
    assert kept["tail"].tolist() == [0, 1, 2]
    assert work.load("nothing") is None
    assert [work.keep("seed", 5), work.keep("seed", 6)] == [5, 5]


def test_a_later_run_with_the_same_key_goes_on(tmp_path: Path) -> None:
    first = Work(tmp_path / "work", "a")
    first.track("sound", 4, None, np.float32).write(0, np.ones(2))
    first.save("seam", parts=1)
    again = Work(tmp_path / "work", "a")
    assert again.begun
    assert not first.begun
    assert again.track("sound", 4, None, np.float32).read(0, 4).tolist() == [1, 1, 0, 0]
    other = Work(tmp_path / "work", "b")
    assert not other.begun
    assert other.load("seam") is None
    assert not other.track("sound", 4, None, np.float32).read(0, 4).any()
    other.remove()
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("left", [b"", b"PK", b"PK\x03\x04" + bytes(200)])
def test_a_damaged_fact_is_none(tmp_path: Path, left: bytes) -> None:
    """As a power failure may leave it: that step is done again."""
    Work(tmp_path, "a").save("seam", parts=3)
    (tmp_path / "seam.npz").write_bytes(left)
    again = Work(tmp_path, "a")
    assert again.begun
    assert again.load("seam") is None
    assert again.keep("seed", 7) == 7


def test_rows_are_on_the_disk_before_a_fact_can_name_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: sizes.append(os.fstat(file).st_size))
    Work(tmp_path, "a").track("played", 6, None, np.float32).write(2, np.ones(3))
    assert sizes[-1:] == [24]

    def cannot(file: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", cannot)  # a disk in a network
    track = Work(tmp_path, "a").track("played", 6, None, np.float32)
    track.write(0, np.ones(3))
    assert track.read(0, 3).sum() == 3


def test_a_folder_that_is_no_work_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "take.wav").write_bytes(b"mine")
    Work(tmp_path / "music", "a").save("seed", value=1)
    assert (tmp_path / "music" / "take.wav").read_bytes() == b"mine"
