"""The sound of an AVI file begins, and goes on, where the file says."""

import struct
from pathlib import Path

import numpy as np
import pytest
from support.audio_files import encode

from stylebox.core.audio.io.read import AudioReader

RATE = 48000


def read(content: bytes, path: Path) -> tuple[np.ndarray, list[str]]:
    path.write_bytes(content)
    with AudioReader(path) as reader:
        return np.concatenate(list(reader))[:, 0], reader.remarks


def with_empty_chunks(content: bytes, number: int, before: int) -> bytes:
    """The same file with empty chunks before one of its chunks, as editors delay a sound; without an index."""
    movie = content.index(b"movi")
    (size,) = struct.unpack_from("<I", content, movie - 4)
    place = movie + 4
    for _ in range(before):
        (chunk,) = struct.unpack_from("<I", content, place + 4)
        place += 8 + chunk + chunk % 2
    result = bytearray(content[:place] + number * b"00wb\0\0\0\0" + content[place:].replace(b"idx1", b"JUNK"))
    struct.pack_into("<I", result, movie - 4, size + 8 * number)
    struct.pack_into("<I", result, 4, len(result) - 8)
    return bytes(result)


@pytest.mark.parametrize("before", [0, 1, 20])
@pytest.mark.parametrize(("codec", "samples"), [("libmp3lame", 1152), ("ac3", 1536)])
def test_empty_chunks_are_silence(codec: str, samples: int, before: int, tmp_path: Path) -> None:
    path, number = tmp_path / "a.avi", 50
    content = encode(path, codec, RATE).read_bytes()
    whole, _ = read(content, path)
    back, remarks = read(with_empty_chunks(content, number, before), path)
    cut = before * samples
    np.testing.assert_array_equal(back, np.concatenate([whole[:cut], np.zeros(number * samples, "f"), whole[cut:]]))
    assert remarks == [f"{number * samples / RATE:.2f} s of its time hold no sound; they are silent"]


@pytest.mark.parametrize(("codec", "unit"), [("libmp3lame", 1152), ("pcm_s16le", 1)])
def test_the_start_that_a_header_states_is_silence(codec: str, unit: int, tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    content = bytearray(encode(path, codec, RATE).read_bytes())
    whole, _ = read(bytes(content), path)
    struct.pack_into("<I", content, content.index(b"auds") + 28, RATE // unit)
    back, remarks = read(bytes(content), path)
    np.testing.assert_array_equal(back, np.concatenate([np.zeros(RATE // unit * unit, "f"), whole]))
    assert remarks == [f"{RATE // unit * unit / RATE:.2f} s of its time hold no sound; they are silent"]


@pytest.mark.parametrize("film", [False, True])
@pytest.mark.parametrize(("codec", "samples"), [("libmp3lame", 1152), ("ac3", 1536), ("mp2", 1152), ("aac", 1024)])
@pytest.mark.parametrize("size", [700, 2000, 4000])
def test_frames_that_a_parser_passes_over_are_said(
    codec: str, samples: int, size: int, film: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.avi"
    content = encode(path, codec, RATE, film).read_bytes()
    whole, remarks = read(content, path)
    assert remarks == []
    middle = content.rindex(b"wb", 0, len(content) * 2 // 3)
    back, remarks = read(content[:middle] + bytes(size) + content[middle + size :], path)
    lost = (len(whole) - len(back)) // samples
    if lost:
        are = "is" if lost == 1 else "are"
        assert remarks == [f"{lost} of its packets {are} damaged; what follows comes too early"]


def test_a_damaged_unit_is_no_silence_without_end(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    content = encode(path, "libmp3lame", RATE).read_bytes()
    whole, _ = read(content, path)
    damaged = bytearray(with_empty_chunks(content, 2, 1))
    struct.pack_into("<II", damaged, damaged.index(b"auds") + 20, 0xFFFFFFFF, 1)
    back, _ = read(bytes(damaged), path)
    assert len(back) <= len(whole) + 1152
