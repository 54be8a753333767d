"""What a damaged or truncated file lacks is said, and what follows stays at its time."""

import io
import struct
import time
from pathlib import Path

import av
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


@pytest.mark.parametrize("suffix", [".ogg", ".opus", ".oga"])
@pytest.mark.parametrize("lost", [1, 2])
def test_first_pages_that_are_missing_are_silent(suffix: str, lost: int, tmp_path: Path) -> None:
    """FFmpeg begins with the first page that is there."""
    path = tmp_path / f"a{suffix}"
    if suffix == ".oga":
        encode(path, "flac", RATE, False, SECONDS)
    else:
        write_audio(path, notes(RATE, SECONDS), RATE)
    content = path.read_bytes()
    whole, _ = read(path)
    first, *others = [page for page in ogg.pages(io.BytesIO(content)) if page.granule > 0]
    path.write_bytes(content[: first.start] + content[others[lost - 1].start :])
    back, remarks = read(path)
    assert len(back) == len(whole)
    assert shift_of(back, whole, 3.0) == 0
    assert [remark.partition(" s ")[2] for remark in remarks] == ["of its time hold no sound; they are silent"]
    assert float(remarks[0].split()[0]) == pytest.approx(int(np.argmax(np.abs(back) > 0)) / RATE, abs=0.03)


def test_a_part_of_a_broadcast_begins_with_what_is_there(tmp_path: Path) -> None:
    """A player that joins gets the headers, then the page that is sent at the time."""
    path = tmp_path / "a.ogg"
    write_audio(path, notes(RATE, 14.0), RATE)
    content = path.read_bytes()
    late = next(page for page in ogg.pages(io.BytesIO(content)) if page.granule > 12 * RATE)
    first = next(page for page in ogg.pages(io.BytesIO(content)) if page.granule > 0)
    path.write_bytes(content[: first.start] + content[late.start :])
    back, remarks = read(path)
    assert 1.0 * RATE < len(back) < 2.5 * RATE
    assert remarks == ["it begins 12 s behind the beginning of its stream, as part of a broadcast"]


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        *[(".wv", "wavpack"), (".tta", "tta"), (".mka", "flac"), (".mp4", "flac"), (".flac", "flac")],
        *[(".ac3", "ac3"), (".eac3", "eac3"), (".mkv", "ac3"), (".ts", "eac3")],
    ],
)
def test_a_frame_whose_checksum_is_wrong_is_silent(suffix: str, codec: str, tmp_path: Path) -> None:
    """It would be noise, at any level."""
    path = encode(tmp_path / f"a{suffix}", codec, RATE, False, SECONDS)
    content, (whole, _) = bytearray(path.read_bytes()), read(path)
    middle = len(content) // 2
    content[middle : middle + 9] = b"123456789"
    path.write_bytes(content)
    back, remarks = read(path)
    changed = np.flatnonzero(np.abs(back - whole) > (0.02 if codec.endswith("ac3") else 0))  # AC-3 adds noise
    assert len(back) == len(whole)
    overlap = 256 if codec.endswith("ac3") else 0  # into the frames before and after
    assert not back[changed[0] + overlap : changed[-1] - overlap].any()
    assert [remark.partition(" s ")[2] for remark in remarks] == ["of its time hold no sound; they are silent"]


@pytest.mark.parametrize(("suffix", "codec"), [(".ac3", "ac3"), (".eac3", "eac3"), (".mp2", "mp2")])
def test_less_than_a_frame_that_is_missing_is_said(suffix: str, codec: str, tmp_path: Path) -> None:
    path = encode(tmp_path / f"a{suffix}", codec, RATE, False, SECONDS)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + content[middle + 100 :])
    (remark,) = read(path)[1]
    assert "damaged or missing once" in remark or "hold no sound" in remark


@pytest.mark.parametrize(
    ("name", "codec", "byte"),
    [("a.adx", "adpcm_adx", 0xFF), ("a.flv", "libmp3lame", 0), ("a.asf", "wmav2", 0), ("film.mkv", "aac", 0)],
)
def test_an_end_that_the_header_promises_is_missed(name: str, codec: str, byte: int, tmp_path: Path) -> None:
    """It was erased, or damage is taken for the mark of the end."""
    path = encode(tmp_path / name, codec, RATE, name.startswith("film"), SECONDS, b="96k")
    content, (whole, remarks) = path.read_bytes(), read(path)
    assert remarks == []
    lost = len(content) // 4
    path.write_bytes(content[:-lost] + bytes([byte]) * lost)
    back, remarks = read(path)
    assert len(back) < len(whole) - 0.1 * RATE
    assert any(remark.startswith("it is damaged or cut short: ") for remark in remarks)


@pytest.mark.parametrize(("suffix", "codec"), [(".ac3", "ac3"), (".eac3", "eac3"), (".mp2", "mp2"), (".mp3", "mp3")])
def test_each_byte_of_a_frame_that_is_cut_short_is_missed(suffix: str, codec: str, tmp_path: Path) -> None:
    path = encode(tmp_path / f"a{suffix}", codec, RATE, False, 1.0)
    content = path.read_bytes()
    with av.open(str(path)) as container:
        end = [packet.pos for packet in container.demux() if packet.pos is not None][-3]
    for more in range(1, 20):
        path.write_bytes(content[: end + more])
        assert len(read(path)[1]) == 1, more


def test_a_last_packet_that_cannot_be_decoded_is_said(tmp_path: Path) -> None:
    """All that follows the damage is one packet to FFmpeg; no later one shows how much time is missing."""
    path = encode(tmp_path / "a.nut", "flac", RATE, False, SECONDS)
    (whole, remarks), content = read(path), path.read_bytes()
    assert remarks == []
    for share in (0.92, 0.94):
        place = round(share * len(content))
        path.write_bytes(content[:place] + content[place + 100 :])
        back, remarks = read(path)
        assert len(back) < len(whole)
        assert remarks == [f"it is cut short: {len(back) / RATE:.2f} s are there"]
