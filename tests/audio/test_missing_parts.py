"""What a damaged or truncated file lacks is said, and what follows stays at its time."""

import io
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from support.audio_files import encode, notes

from stylebox.core.audio.io.containers import ogg
from stylebox.core.audio.io.read import AudioReader
from stylebox.core.audio.io.write import write_audio

RATE, SECONDS = 48000, 4.0
CODECS = {
    **{".flac": "flac", ".mp3": "libmp3lame", ".ogg": "vorbis", ".opus": "libopus", ".aac": "aac"},
    **{".tta": "tta", ".wv": "wavpack", ".mka": "flac", ".webm": "libopus"},
}
UNSTATED = {".ogg", ".opus", ".aac"}  # whose header states no length


def read(path: Path) -> tuple[np.ndarray, list[str]]:
    with AudioReader(path) as reader:
        return np.concatenate(list(reader))[:, 0], reader.remarks


def shift_of(back: np.ndarray, whole: np.ndarray, second: float) -> int:
    """By how many samples the sound lies later than it did."""
    at, length = round(second * RATE), RATE // 4
    lags = range(-RATE // 4, RATE // 4, 8)
    errors = [float(np.sum((back[at + lag : at + lag + length] - whole[at : at + length]) ** 2)) for lag in lags]
    return lags[int(np.argmin(errors))]


@pytest.mark.parametrize("suffix", CODECS)
def test_an_end_that_is_missing_is_said_once(suffix: str, tmp_path: Path) -> None:
    """How long a file was is stated by its header, by no rule of ours; the sound that is there is counted."""
    path = tmp_path / f"a{suffix}"
    if suffix == ".ogg":
        write_audio(path, notes(RATE, SECONDS), RATE)
    else:
        encode(path, CODECS[suffix], RATE, False, SECONDS)
    whole, remarks = read(path)
    assert remarks == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    back, remarks = read(path)
    there, stated = len(back) / RATE, len(whole) / RATE
    assert 0.2 * stated < there < 0.8 * stated
    if suffix == ".aac":
        assert remarks == ["its last frame is damaged or cut short; it is left out"]
    elif suffix in UNSTATED:
        assert remarks == [f"it is cut short: {there:.2f} s are there"]
    else:
        (remark,) = remarks
        words = remark.split()
        assert words[:6] == ["it", "is", "damaged", "or", "cut", "short:"]
        assert float(words[6]) == pytest.approx(there, abs=0.006)
        assert float(words[8]) == pytest.approx(stated, abs=0.02)


@pytest.mark.parametrize("film", [False, True])
@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        (".ts", "aac", {}),
        (".m2ts", "ac3", {}),
        (".mpg", "mp2", {}),
        (".avi", "libmp3lame", {}),
        (".nut", "flac", {}),
        (".nut", "pcm_s16le", {}),
        (".asf", "wmav2", {"b": "96k"}),
        (".mkv", "libopus", {}),
        (".mkv", "aac", {"live": "1"}),  # sizes unknown, as browsers record
        (".mp4", "aac", {"movflags": "empty_moov", "frag_duration": "50000"}),  # as downloaded from video sites
    ],
)
def test_an_end_that_is_missing_is_said_where_no_header_states_a_length(
    film: bool, suffix: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    path = encode(tmp_path / f"a{suffix}", codec, RATE, film, SECONDS, **options)
    whole, remarks = read(path)
    assert remarks == []
    content, found = path.read_bytes(), []
    for share in (0.7, 0.83, 0.9):
        path.write_bytes(content[: int(share * len(content)) | 1])  # in no case between two packets of 188 bytes
        back, remarks = read(path)
        assert len(back) < len(whole)
        found.append(remarks)
    assert all(len(remarks) == 1 and "cut short" in remarks[0] for remarks in found)


@pytest.mark.parametrize("suffix", [".mp3", ".aac"])
def test_frames_that_are_damaged_are_silence_and_later_notes_stay_where_they_were(suffix: str, tmp_path: Path) -> None:
    """A bad block of a disk, or a part of a download that never came: bytes are 0."""
    path = encode(tmp_path / f"a{suffix}", CODECS[suffix], RATE, False, SECONDS)
    whole, _ = read(path)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes(2000) + content[middle + 2000 :])
    back, remarks = read(path)
    assert abs(len(back) - len(whole)) <= 1152
    assert shift_of(back, whole, 3.0) == 0
    assert [remark.partition(" s ")[2] for remark in remarks] == ["of its time hold no sound; they are silent"]


@pytest.mark.parametrize("suffix", [".mp3", ".aac"])
@pytest.mark.parametrize("tag", [b"ID3\3\0\0\0\0\x0f\0" + bytes(1920), b"TAG" + bytes(125)])
def test_a_tag_between_joined_files_is_no_lost_sound(suffix: str, tag: bytes, tmp_path: Path) -> None:
    path = encode(tmp_path / f"a{suffix}", CODECS[suffix], RATE, False, SECONDS)
    content = path.read_bytes()
    path.write_bytes(content + content)
    plain, _ = read(path)
    path.write_bytes(content + tag + content)
    back, remarks = read(path)
    assert remarks == []
    assert abs(len(back) - len(plain)) <= 1152


def test_notes_of_the_fixture_differ_from_one_second_to_the_next() -> None:
    """Otherwise a shift would not show."""
    sound = notes(RATE, SECONDS)
    assert shift_of(sound[RATE // 10 :], sound, 3.0) == -RATE // 10


def test_many_gaps_take_no_time() -> None:
    def page(number: int, kind: int) -> bytes:
        plain = struct.pack("<4sBBqIIIB", b"OggS", 0, kind, 0, 7, number, 0, 0)
        return plain[:22] + struct.pack("<I", ogg.checksum(plain)) + plain[26:]

    gaps = 50_000
    stream = io.BytesIO(page(0, 2) + b"".join(page(2 * number, 0) for number in range(1, gaps + 1)))
    start = time.perf_counter()
    (link,) = ogg.links(stream)
    assert len(link.after_gaps) == gaps
    assert time.perf_counter() - start < 20  # with a set of gaps copied at each page: minutes
