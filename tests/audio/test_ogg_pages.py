"""Pages of Ogg that state no time are played, and those that are there twice are played once."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.audio_files import encode, notes

from stylebox.core.audio.io.containers import ogg
from stylebox.core.audio.io.read import AudioReader

RATE = 48000
SECONDS = 3.0


def opus(path: Path) -> bytes:
    return encode(path.with_suffix(".opus"), "libopus", RATE, False, SECONDS).read_bytes()


def vorbis(path: Path) -> bytes:
    soundfile.write(path, notes(RATE, SECONDS), RATE, "VORBIS", format="OGG")
    return path.read_bytes()


def flac(path: Path) -> bytes:
    return encode(path.with_suffix(".oga"), "flac", RATE, False, SECONDS).read_bytes()


def read(content: bytes, path: Path) -> tuple[np.ndarray, list[str]]:
    path.write_bytes(content)
    with AudioReader(path) as reader:
        return np.concatenate(list(reader))[:, 0], reader.remarks


def without_times(content: bytes) -> bytes:
    """The same file, each of whose pages states the time 0."""
    result = bytearray(content)
    for page in ogg.pages(io.BytesIO(content)):
        struct.pack_into("<q", result, page.start + 6, 0)
        struct.pack_into("<I", result, page.start + 22, 0)
        struct.pack_into("<I", result, page.start + 22, ogg.checksum(bytes(result[page.start : page.end])))
    return bytes(result)


MAKERS = pytest.mark.parametrize("make", [opus, vorbis, flac])


@MAKERS
def test_pages_that_all_state_the_time_0_are_played_to_the_end(make: Callable[[Path], bytes], tmp_path: Path) -> None:
    content, path = make(tmp_path / "a"), tmp_path / "a"
    whole, _ = read(content, path)
    back, remarks = read(without_times(content), path)
    np.testing.assert_allclose(back[: len(whole)], whole, atol=1e-4)
    assert len(back) - len(whole) < 2048  # the last block may hold more than the sound
    assert remarks == []


@MAKERS
@pytest.mark.parametrize("numbers", [[3], [-1], [2, 3]])
def test_a_page_that_is_there_twice_is_played_once(
    make: Callable[[Path], bytes], numbers: list[int], tmp_path: Path
) -> None:
    content, path = make(tmp_path / "a"), tmp_path / "a"
    whole, _ = read(content, path)
    pages = list(ogg.pages(io.BytesIO(content)))
    twice = {pages[number].start for number in numbers}
    repeated = b"".join(content[page.start : page.end] * (1 + (page.start in twice)) for page in pages)
    back, remarks = read(repeated, path)
    np.testing.assert_allclose(back, whole, atol=1e-4)
    one = "a page of it is there twice; it is played once"
    assert remarks == [one if len(numbers) == 1 else "2 pages of it repeat; they are played once"]


def test_a_page_with_the_number_of_the_one_before_and_another_content_is_played(tmp_path: Path) -> None:
    """Some writers never count."""
    content, path = opus(tmp_path / "a"), tmp_path / "a"
    whole, _ = read(content, path)
    result = bytearray(content)
    for page in list(ogg.pages(io.BytesIO(content)))[2:]:
        struct.pack_into("<II", result, page.start + 18, 2, 0)
        struct.pack_into("<I", result, page.start + 22, ogg.checksum(bytes(result[page.start : page.end])))
    assert abs(len(read(bytes(result), path)[0]) - len(whole)) <= 960
