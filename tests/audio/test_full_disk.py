"""A disk without room, and one that fails while it is read: one line with the file's name, and nothing half written."""

import io
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from support.audio_files import SAMPLE_RATE, SUFFIXES, encode, notes, rate_of

from stylebox.core.audio.io.read import load_audio
from stylebox.core.audio.io.tags import Tags
from stylebox.core.audio.io.write import AudioWriter, write_audio
from stylebox.core.errors import AudioError, error_message
from stylebox.core.files import atomic_path, copy_file, write_text
from stylebox.core.lock import sole_writer
from stylebox.core.pipeline.work import Track
from stylebox.core.store.weights import save_weights
from stylebox.core.training.log import TrainingLog

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100_000)


@contextmanager
def room_for(num_bytes: int) -> Iterator[None]:
    """Let the system refuse to write files beyond a size, as a full disk does: the error comes in mid-write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("num_bytes", [0, 100, 5000, 30_000])
def test_no_room_for_sound_is_one_line_and_leaves_what_was_there(
    suffix: str, num_bytes: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"earlier")
    with room_for(num_bytes), pytest.raises(AudioError) as caught:
        write_audio(path, notes(seconds=6), rate_of(suffix))
    assert str(caught.value).startswith(
        f"{path}: cannot be written (File too large); choose a disk that allows larger files"
    )
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"earlier"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_room_for_tags_is_the_same(suffix: str, tmp_path: Path) -> None:
    write_audio(tmp_path / f"a{suffix}", notes(), rate_of(suffix))
    size = (tmp_path / f"a{suffix}").stat().st_size

    def write_with_cover() -> None:
        with AudioWriter(tmp_path / f"b{suffix}", rate_of(suffix), tags=Tags(cover=PNG)) as writer:
            writer.write(notes())

    with room_for(size + 1000), pytest.raises(AudioError, match=r"make room|larger files"):
        write_with_cover()
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_texts_copies_and_arrays_name_the_file_that_was_wanted(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(bytes(10_000))

    def save_array(path: Path) -> None:
        with atomic_path(path) as partial:
            np.save(partial, np.zeros(10_000))

    for write in (
        lambda path: write_text(path, "x" * 10_000),
        lambda path: copy_file(tmp_path / "source", path),
        save_array,
    ):
        with room_for(5000), pytest.raises(OSError) as caught:
            write(tmp_path / "wanted.npy")
        message = error_message(caught.value)
        assert message.startswith(f"{tmp_path / 'wanted.npy'}: ")
        assert message.endswith(
            ("; choose a disk that allows larger files, or raise the limit (ulimit -f)", "try again")
        )
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_work_and_logs_that_grow_are_named(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    track = Track((10_000,), np.dtype(np.float32), tmp_path / "work" / "mel.raw")
    log = TrainingLog(tmp_path, "test")
    log.add([{"loss": 1.0}])
    writes: dict[str, Callable[[], None]] = {
        "work/mel.raw": lambda: track.write(5000, np.ones(100)),
        "metrics.jsonl": lambda: log.write({"step": 1}),
    }
    for name, write in writes.items():
        with room_for(1), pytest.raises(OSError, match="File too large") as caught:
            write()
        assert error_message(caught.value).startswith(f"{tmp_path / name}: File too large; choose a disk")


def test_a_lock_needs_no_room_and_what_is_written_under_it_is_named(tmp_path: Path) -> None:
    with room_for(0), pytest.raises(OSError, match="File too large") as caught, sole_writer(tmp_path, "test"):
        write_text(tmp_path / "a.txt", "text")
    assert error_message(caught.value).startswith(f"{tmp_path / 'a.txt'}: File too large")


class FailingDisk(io.BytesIO):
    """A file of which the second half cannot be read."""

    name = "stick/a.wav"

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > len(self.getvalue()) // 2:
            raise OSError(5, "Input/output error")
        return super().read(size)


@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.flac", "flac"), ("a.mp3", "libmp3lame")])
def test_a_disk_that_fails_is_not_taken_for_the_end_of_the_sound(
    name: str, codec: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = encode(tmp_path / name, codec, SAMPLE_RATE)
    with pytest.raises(AudioError, match=r"stick/a\.wav: cannot be read \(Input/output error\); copy it again"):
        load_audio(FailingDisk(whole.read_bytes()))
    assert capfd.readouterr().err == ""


def test_weights_without_room_are_named_and_leave_the_earlier_ones(tmp_path: Path) -> None:
    """The library has an error of its own for it."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"earlier")
    with room_for(10_000), pytest.raises(OSError, match="File too large") as caught:
        save_weights(path, {"weight": torch.zeros(100_000)})
    assert error_message(caught.value).startswith(f"{path}: File too large; choose a disk")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"earlier"]
