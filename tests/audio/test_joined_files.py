"""Files that were joined by `cat`: the sound of all of them, one after another, and nothing is taken for a file."""

import io
import struct
import tempfile
import time
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from support.audio_files import SAMPLE_RATE, notes
from support.kinds import KINDS, by_ffmpeg

from stylebox.core.audio.io.containers import joined
from stylebox.core.audio.io.containers.parts import parts
from stylebox.core.audio.io.read import AudioReader, probe


def read(content: bytes, path: Path) -> tuple[np.ndarray, list[str]]:
    path.write_bytes(content)
    with AudioReader(path) as reader:
        sound = np.concatenate(list(reader))[:, 0]
    return sound, reader.remarks


@cache
def two_of(kind: str) -> tuple[bytes, bytes]:
    """Two files of a kind."""
    contents = []
    with tempfile.TemporaryDirectory() as folder:
        for sound in (notes(SAMPLE_RATE, 0.6), notes(SAMPLE_RATE, 1.3)[::-1].copy()):
            KINDS[kind](Path(folder, "a"), sound)
            contents.append(Path(folder, "a").read_bytes())
    return contents[0], contents[1]


TAG = b"ID3\3\0\0\0\0\0\x20" + bytes(32)
ENDLESS = {"IRCAM", "WAV of unknown size", "WAV of size 0", "AU of unknown size"}  # a tag behind them may be sound


@pytest.mark.parametrize(
    ("kind", "tag"), [*((kind, b"") for kind in KINDS), *((kind, TAG) for kind in KINDS if kind not in ENDLESS)]
)
def test_joined_files_are_one_after_another(kind: str, tag: bytes, tmp_path: Path) -> None:
    path, contents = tmp_path / "a", two_of(kind)
    apart = [read(content, path) for content in contents]
    assert [remarks for _, remarks in apart] == [[], []]
    tag_in_front = tag if kind in {"WAV", "AIFF", "FLAC", "TTA", "WavPack", "MP3"} else b""
    together, remarks = read(tag_in_front + contents[0] + tag + contents[1] + contents[0], path)
    assert remarks == []
    np.testing.assert_array_equal(together, np.concatenate([apart[0][0], apart[1][0], apart[0][0]]))
    assert probe(path).samples == len(together)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *(("WAV", second) for second in ("AIFF", "FLAC", "Ogg Vorbis", "MP4", "TTA", "Matroska")),
        *(("AU", "WAV"), ("CAF", "Ogg Vorbis"), ("AIFF", "FLAC"), ("Wave64", "WavPack"), ("SPHERE", "SoX")),
        *(("FLAC", "WAV"), ("Ogg Vorbis", "WAV"), ("MP4", "FLAC"), ("TTA", "AIFF"), ("WavPack", "FLAC")),
        *(("MP3", "WAV"), ("MP3", "FLAC"), ("MP3", "Ogg Vorbis"), ("WAV", "MP3"), ("FLAC", "MP3")),
        *(("Musepack", "WAV"), ("FLV", "TTA"), ("ASF", "Musepack"), ("Matroska", "AU"), ("AVI", "WAV")),
    ],
)
def test_a_file_of_another_kind_follows(first: str, second: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    contents = two_of(first)[1], two_of(second)[0]
    apart = [read(content, path)[0] for content in contents]
    together, remarks = read(contents[0] + contents[1], path)
    assert remarks == []
    np.testing.assert_array_equal(together, np.concatenate(apart))


@pytest.mark.parametrize("tag", [b"", b"TAG" + bytes(125)])
@pytest.mark.parametrize(("suffix", "codec"), [(".aac", "aac"), (".mp2", "mp2"), (".mp3", "libmp3lame")])
def test_a_file_behind_bare_frames_is_no_noise(suffix: str, codec: str, tag: bytes, tmp_path: Path) -> None:
    """Decoders look for frames in it."""
    path = tmp_path / f"a{suffix}"
    make = by_ffmpeg(suffix, codec, write_xing="0") if codec == "libmp3lame" else by_ffmpeg(suffix, codec)
    make(path, notes(SAMPLE_RATE, 1.0))
    frames = path.read_bytes()
    noise = np.random.default_rng(0).normal(0, 0.2, 5 * SAMPLE_RATE)
    soundfile.write(tmp_path / "b.wav", noise, SAMPLE_RATE, "PCM_16")
    second, _ = read((tmp_path / "b.wav").read_bytes(), tmp_path / "b.wav")
    first, _ = read(frames, path)
    together, remarks = read(frames + tag + (tmp_path / "b.wav").read_bytes(), path)
    np.testing.assert_array_equal(together, np.concatenate([first, second]))
    assert remarks == []


@pytest.mark.parametrize("kind", ["WAV", "AU", "TTA", "Wave64", "Ogg Vorbis", "Matroska"])
def test_a_later_file_that_cannot_be_read_costs_no_other(kind: str, tmp_path: Path) -> None:
    path, (first, second) = tmp_path / "a", two_of(kind)
    whole, _ = read(first, path)
    together, remarks = read(first + second[: len(second) * 6 // 10], path)
    np.testing.assert_array_equal(together[: len(whole)], whole)
    assert len(remarks) == 1
    assert remarks[0].startswith("number 2 of the 2 sounds in it: it is ")
    broken = first + second[:64] + bytes(3000) + first  # a head and nothing that it states
    together, remarks = read(broken, path)
    np.testing.assert_array_equal(together[: len(whole)], whole)
    assert len(remarks) >= 1


@pytest.mark.parametrize("rates", [(22050, 44100), (44100, 22050, 44100)])
@pytest.mark.parametrize("samples", [400, 9000, 70_000])
def test_joined_flac_files_may_have_several_rates(samples: int, rates: tuple[int, ...], tmp_path: Path) -> None:
    contents = []
    for rate in rates:
        soundfile.write(tmp_path / "a", notes(rate, samples / rate)[:samples], rate, "PCM_16", format="FLAC")
        contents.append((tmp_path / "a").read_bytes())
    together, remarks = read(b"".join(contents), tmp_path / "a")
    assert len(together) == sum(samples * rates[0] // rate for rate in rates)
    assert remarks == []


def test_hundreds_of_joined_flac_files_are_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a", notes(SAMPLE_RATE, 0.01), SAMPLE_RATE, "PCM_16", format="FLAC")
    one, _ = read((tmp_path / "a").read_bytes(), tmp_path / "a")
    together, remarks = read(400 * (tmp_path / "a").read_bytes(), tmp_path / "a")
    np.testing.assert_array_equal(together, np.tile(one, 400))
    assert remarks == []


def test_the_remarks_on_many_later_files_are_few(tmp_path: Path) -> None:
    first, _ = two_of("AMR")
    alone, _ = read(first, tmp_path / "a")
    together, remarks = read(first + 100 * b"#!AMR\n\x04", tmp_path / "a")
    np.testing.assert_array_equal(together, alone)
    assert remarks[0] == "number 2 of the 101 sounds in it: it is cut short: 0.00 s are there"
    assert remarks[10:] == ["90 more of the 101 sounds in it are damaged or cut short"]


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU", "CAF", "Wave64", "SoX", "SPHERE", "ASF", "Matroska"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_file_after_one_that_is_cut_short_is_whole(kind: str, order: tuple[int, int], tmp_path: Path) -> None:
    """The end that the first one states lies inside the second, or behind it."""
    path, (first, second) = tmp_path / "a", (two_of(kind)[which] for which in order)
    cut, remarks = read(first[: len(first) * 6 // 10 | 1], path)
    whole, _ = read(second, path)
    together, same = read(first[: len(first) * 6 // 10 | 1] + second, path)
    np.testing.assert_array_equal(together, np.concatenate([cut, whole]))
    assert same == remarks
    assert len(remarks) == 1


SEARCHED = ["TTA", "WavPack", "VOC", "FLV", "RealMedia", "Musepack", "AMR", "NUT", "IRCAM", "AU of unknown size"]
MARKS = [
    *(b"TTA1", b"wvpk", b"Creative Voice File", b"FLV\1", b".RMF", b"MPCKSH", b"#!AMR", b"nut/multimedia"),
    *(b".snd", b"\x64\xa3\1\0", b"RIFF", b"fLaC", b"OggS", b"caff\0\1\0\0", b"ftypM4A "),
]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bytes_that_hold_the_mark_of_a_file_are_no_file(data: st.DataObject) -> None:
    """As samples or a picture may."""
    kind = data.draw(st.sampled_from(SEARCHED))
    content = two_of(kind)[0]
    noise = data.draw(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(MARKS)), max_size=30))
    assert len(joined.files(io.BytesIO(content + b"".join(noise)))) == 1


def test_a_header_with_a_wrong_checksum_begins_no_file() -> None:
    fields = b"TTA1" + struct.pack("<HHHII", 1, 1, 16, SAMPLE_RATE, 1000)
    right = fields + struct.pack("<I", zlib.crc32(fields))
    for head, count in ((right, 2), (right[:-1] + bytes([right[-1] ^ 1]), 1)):
        assert len(joined.files(io.BytesIO(right + bytes(5000) + head + bytes(5000)))) == count


def test_a_beginning_is_found_wherever_it_lies() -> None:
    """A file is searched in blocks; a beginning may lie across the end of one."""
    mark = b"FLV\1\5\0\0\0\x09\0\0\0\0"
    for place in (14, (1 << 16) - 14, (1 << 16) - 5, 1 << 16, (1 << 16) + 1, 200_000):
        stream = io.BytesIO(mark.ljust(place, b"\1") + mark + bytes(100))
        first, _ = joined.files(stream)
        assert first.seek(0, io.SEEK_END) == place


@pytest.mark.parametrize(
    "piece",
    [
        b"RIFF\x04\0\0\0WAVE    ",
        b"caff\0\1\0\0desc\0\0\0\0\0\0\0\x20" + bytes(32),
        b"\x81",  # an element of Matroska
        b"FLV\1\5\0\0\0\x09\0\0\0\0",
        b"\0\0\0\x14ftypM4A " + bytes(8) + b"OggS\0\2" + bytes(22),
        b"\0\0\0\x14ftypM4A " + bytes(8) + b"RIFF\x08\0\0\0WAVEfmt ",
    ],
)
def test_a_file_of_many_tiny_pieces_takes_no_time(piece: bytes) -> None:
    head = b"\x1aE\xdf\xa3\x8bB\x82\x88matroska" if piece == b"\x81" else b""
    start = time.perf_counter()
    parts(io.BytesIO(head + piece * (200_000 // len(piece))))
    assert time.perf_counter() - start < 10
