"""Time stamps and lengths that are wrong, or begin elsewhere, of files that miss nothing."""

import io
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support.audio_files import SAMPLE_RATE, encode, notes, tone

from stylebox.core.audio.io.containers import ogg
from stylebox.core.audio.io.read import AudioReader, load_audio
from stylebox.core.audio.io.time_line import TimeLine

FRAME = 480
TS_PACKET = 188


def read(path: Path) -> tuple[np.ndarray, list[str]]:
    with AudioReader(path) as reader:
        return np.concatenate(list(reader))[:, 0], reader.remarks


def frames_at(times: list[int]) -> list[av.AudioFrame]:
    """Frames of 10 ms with these time stamps, in samples."""
    frames = []
    for pts in times:
        frame = av.AudioFrame.from_ndarray(np.zeros((1, FRAME), np.float32), "fltp", "mono")
        frame.sample_rate, frame.time_base, frame.pts = 48000, Fraction(1, 48000), pts
        frames.append(frame)
    return frames


@pytest.mark.parametrize(
    ("times", "silence"),
    [
        ([0, 1, 2, 3, 4], []),
        ([0, 1, 4, 5, 6], [2]),
        ([0, 1, 4], [2]),  # nothing contradicts the last one
        ([0, 1, 4, 3, 4], []),  # the next one contradicts it
        ([0, 1, 0, 3, 4], []),
        ([0, 1, 4, 5, 2, 3], [2]),  # the clock begins again
    ],
)
def test_a_time_stamp_counts_if_the_next_one_confirms_it(times: list[int], silence: list[int]) -> None:
    line = TimeLine(0.005, 10.0)
    given = list(line.in_time(frames_at([FRAME * time for time in times])))
    assert [one[0] // FRAME for one in given if isinstance(one, tuple)] == silence
    assert sum(not isinstance(one, tuple) for one in given) == len(times)
    assert line.filled_seconds == pytest.approx(sum(silence) * 0.01)


def test_damaged_packets_whose_times_are_lost_are_said(tmp_path: Path) -> None:
    """FFmpeg then reads RealMedia from the wrong place, and takes noise for the time."""
    path, damage = encode(tmp_path / "a.rm", "ac3", 44100, False, 3.0), np.random.default_rng(0)
    (whole, _), content = read(path), path.read_bytes()
    for place in range(1000, len(content) - 1500, 3001):
        for changed in (damage.bytes(400), bytes(1000), b""):
            path.write_bytes(content[:place] + changed + content[place + max(len(changed), 700) :])
            back, remarks = read(path)
            assert len(back) == len(whole) or remarks, place


@pytest.mark.parametrize("codec", ["ac3", "eac3"])
def test_what_follows_lost_packets_of_a_broadcast_is_at_its_time(codec: str, tmp_path: Path) -> None:
    """The decoders' own kind of error ended the reading."""
    path = encode(tmp_path / "a.ts", codec, 48000, False, 4.0)
    whole, content = load_audio(path, 48000), path.read_bytes()
    lost = len(content) // TS_PACKET * 4 // 10 * TS_PACKET
    path.write_bytes(content[:lost] + content[lost + 20 * TS_PACKET + 1 :])
    back, remarks = read(path)
    assert abs(len(back) - len(whole)) < 2000
    np.testing.assert_allclose(back[3 * 48000 : 3 * 48000 + 9000], whole[3 * 48000 : 3 * 48000 + 9000], atol=0.02)
    assert "of its time hold no sound" in remarks[0]


def test_the_clock_of_joined_broadcasts_may_jump_by_minutes(tmp_path: Path) -> None:
    for name, start in (("a.ts", "0"), ("b.ts", "500"), ("c.ts", "505")):
        encode(tmp_path / name, "mp2", 48000, False, 1.0, output_ts_offset=start)
    single = len(load_audio(tmp_path / "a.ts", 48000))
    for second, seconds in (("b.ts", 0.0), ("c.ts", 4.0)):
        path = tmp_path / "joined.ts"
        path.write_bytes((tmp_path / "b.ts").read_bytes() + (tmp_path / second).read_bytes())
        assert len(load_audio(path, 48000)) == pytest.approx(2 * single + seconds * 48000, abs=2000)
        path.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
        assert len(load_audio(path, 48000)) == 2 * single, "eight minutes are no silence"


def test_the_sound_of_an_avi_film_begins_where_its_header_says(tmp_path: Path) -> None:
    """Editors write the delay of the sound as the first unit of its track."""
    path = encode(tmp_path / "a.avi", "pcm_s16le", SAMPLE_RATE, True, tone(440, SAMPLE_RATE))
    content = bytearray(path.read_bytes())
    at = content.index(b"auds") + 28
    content[at : at + 4] = struct.pack("<I", SAMPLE_RATE // 2)
    path.write_bytes(content)
    back, remarks = read(path)
    assert np.argmax(np.abs(back) > 0.01) == pytest.approx(SAMPLE_RATE // 2, abs=30)
    assert remarks == ["0.50 s of its time hold no sound; they are silent"]


def later_granules(content: bytes, samples: int) -> bytes:
    """An Ogg stream as it is recorded from a broadcast that began earlier."""
    result = bytearray(content)
    for page in list(ogg.pages(io.BytesIO(content)))[2:]:
        (granule,) = struct.unpack_from("<q", content, page.start + 6)
        struct.pack_into("<q", result, page.start + 6, granule + samples)
        result[page.start + 22 : page.start + 26] = bytes(4)
        struct.pack_into("<I", result, page.start + 22, ogg.checksum(bytes(result[page.start : page.end])))
    return bytes(result)


def without_duration(content: bytes, hole: bytes) -> bytes:
    at = content.index(b"\x44\x89\x88")
    return content[:at] + hole + content[at + 11 :]


WHOLE: dict[str, tuple[str, str, int, Callable[[bytes], bytes]]] = {
    "MP3 of 8 kHz": ("a.mp3", "libmp3lame", 8000, lambda content: content),
    "MP3, ID3 behind": ("a.mp3", "libmp3lame", 44100, lambda content: content + b"ID3\3\0\0\0\0\0\x0e" + bytes(14)),
    "MP3, lyrics behind": ("a.mp3", "libmp3lame", 44100, lambda content: content + b"LYRICSBEGIN" + b"la" * 99),
    "Opus from a broadcast": ("a.opus", "libopus", 48000, lambda content: later_granules(content, 480_000)),
    "no duration": ("a.mka", "libmp3lame", 44100, lambda content: without_duration(content, b"\xec\x89" + bytes(9))),
    "duration 0": ("a.mka", "libmp3lame", 44100, lambda content: without_duration(content, b"\x44\x89\x88" + bytes(8))),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_file_is_not_said_to_be_cut_short(kind: str, tmp_path: Path) -> None:
    name, codec, rate, change = WHOLE[kind]
    path = encode(tmp_path / name, codec, rate, False, notes(rate, 4.0), b="128k")
    length = len(load_audio(path, rate))
    path.write_bytes(change(path.read_bytes()))
    back, remarks = read(path)
    assert len(back) == length
    assert remarks == []
