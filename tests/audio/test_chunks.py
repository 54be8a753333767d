"""WAV and AIFF files whose chunks break the rules: every sample is read, in its channel, at its time."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.audio_files import SAMPLE_RATE, notes

from stylebox.core.audio.io.read import AudioReader, probe
from stylebox.core.audio.io.tags import Tags, id3_bytes

RATE = 8000


def chunk(name: bytes, content: bytes, pad: bytes = b"\0", order: str = "<") -> bytes:
    return name + struct.pack(f"{order}I", len(content)) + content + pad * (len(content) % 2)


def riff(*chunks: bytes) -> bytes:
    content = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def form(channels: int = 1, bits: int = 16, rate: int = RATE) -> bytes:
    width = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", 1, channels, rate, rate * width, width, bits))


def ramp(first: int, count: int) -> np.ndarray:
    return np.arange(first, first + count, dtype="<i2")


def read(content: bytes, name: str = "a.wav") -> tuple[np.ndarray, list[str]]:
    """The samples as 16-bit numbers, and the remarks; `info` must agree on the length."""
    path = Path(name)
    path.write_bytes(content)
    with AudioReader(path) as reader:
        back = np.concatenate(list(reader))
    assert probe(path).samples == len(back)
    return np.rint(back * 32768).astype(int), reader.remarks


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_several_chunks_of_samples_follow_one_another_and_that_is_said() -> None:
    pieces = [ramp(1, 100), ramp(101, 33), ramp(134, 67)]
    back, remarks = read(riff(form(), *(chunk(b"data", piece.tobytes()) for piece in pieces)))
    np.testing.assert_array_equal(back[:, 0], np.arange(1, 201))
    assert remarks == ["it has 3 chunks of samples; they are played one after another"]


def test_a_chunk_that_ends_inside_a_frame_swaps_no_channels() -> None:
    stereo = np.stack([ramp(1, 100), ramp(-300, 100)], axis=1)
    cut = stereo[:50].tobytes()[:-2]
    back, _ = read(riff(form(2), chunk(b"data", cut), chunk(b"data", stereo[50:].tobytes())))
    np.testing.assert_array_equal(back, np.delete(stereo, 49, axis=0))


@pytest.mark.parametrize(("bits", "silence"), [(16, b"\0\0"), (8, b"\x80")])
def test_the_silence_of_a_wave_list_keeps_its_length(bits: int, silence: bytes) -> None:
    sound = b"\x90" * 40
    listed = chunk(b"data", sound) + chunk(b"slnt", struct.pack("<I", 500)) + chunk(b"data", sound)
    back, _ = read(riff(form(bits=bits), chunk(b"LIST", b"wavl" + listed)))
    plain, _ = read(riff(form(bits=bits), chunk(b"data", sound + 500 * silence + sound)))
    np.testing.assert_array_equal(back, plain)
    assert not back[50:500].any()


@pytest.mark.parametrize("pad", [b"", b"\0", b"\xff", b"A"])
@pytest.mark.parametrize("level", [0, 1000])
def test_an_odd_chunk_costs_nothing_whatever_pads_it(pad: bytes, level: int) -> None:
    """Silence at the beginning makes the bytes after a missing pad look like a chunk of another name."""
    sound = level * (1 + ramp(0, 4000) % 5)
    odd = chunk(b"LIST", b"INFOIART\3\0\0\0abc", pad)
    back, remarks = read(riff(odd, form(), odd, chunk(b"data", sound.astype("<i2").tobytes())))
    np.testing.assert_array_equal(back[:, 0], sound)
    assert remarks == []


def test_samples_of_odd_size_without_a_pad_are_followed_by_more() -> None:
    sound = bytes(range(1, 100))
    back, _ = read(riff(form(bits=8), chunk(b"data", sound, b""), chunk(b"LIST", b"INFO"), chunk(b"data", sound)))
    np.testing.assert_array_equal(back[:, 0] // 256 + 128, np.tile(np.arange(1, 100), 2))


def test_joined_files_of_other_rates_follow_the_first() -> None:
    first = riff(form(), chunk(b"data", ramp(1, 4000).tobytes()))
    second = riff(form(2, rate=16000), chunk(b"data", np.zeros((8000, 2), "<i2").tobytes()))
    back, _ = read(first + second + first)
    assert len(back) == 4000 + 4000 + 4000
    np.testing.assert_array_equal(back[-4000:, 0], np.arange(1, 4001))


def test_aiff_with_two_chunks_of_samples() -> None:
    described = struct.pack(">hIh", 1, 200, 16) + bytes.fromhex("400bfa00000000000000")
    halves = [chunk(b"SSND", bytes(8) + ramp(at, 100).astype(">i2").tobytes(), order=">") for at in (1, 101)]
    content = b"AIFF" + chunk(b"COMM", described, order=">") + b"".join(halves)
    back, remarks = read(b"FORM" + struct.pack(">I", len(content)) + content, "a.aiff")
    np.testing.assert_array_equal(back[:, 0], np.arange(1, 201))
    assert remarks == ["it has 2 chunks of samples; they are played one after another"]


def test_tags_in_front_of_a_wav_file_are_read() -> None:
    sound = riff(form(), chunk(b"data", ramp(0, 4000).tobytes()))
    tags = Tags("Ländler", "Anna", cover=b"\xff\xd8\xffpicture")
    Path("a.wav").write_bytes(id3_bytes(tags) + sound)
    assert probe("a.wav").tags == tags
    assert read(id3_bytes(tags) * 2 + sound)[0].shape == (4000, 1)


@pytest.mark.parametrize("codec", ["MS_ADPCM", "IMA_ADPCM", "GSM610"])
def test_a_codec_of_blocks_ends_where_its_header_says(codec: str) -> None:
    """Its last block is filled up; the header states the length of the sound, unless it is wrong by whole blocks."""
    soundfile.write("a.wav", notes(SAMPLE_RATE, 0.5)[:10_000], SAMPLE_RATE, codec)
    content = Path("a.wav").read_bytes()
    at = content.index(b"fact") + 8
    whole = soundfile.info("a.wav").frames
    assert whole > 10_000, "there is something to leave out"
    for stated, expected in ((10_000, 10_000), (9_999, 9_999), (whole, whole), (1, whole), (0, whole)):
        back, _ = read(content[:at] + struct.pack("<I", stated) + content[at + 4 :])
        assert len(back) == expected


@pytest.mark.parametrize(
    ("tail", "is_said"),
    [
        (ramp(1, RATE).tobytes(), True),
        (bytes(2000) + ramp(1, RATE).tobytes(), True),  # music after a rest
        (ramp(1, RATE // 20).tobytes(), False),  # a few bytes may be anything
        (bytes(2 * RATE), False),
        (b"ID3" + ramp(1, RATE).tobytes(), False),
        (chunk(b"LIST", bytes(2 * RATE)), False),
    ],
)
@pytest.mark.parametrize("counted", [False, True])
def test_sound_behind_the_end_that_the_header_states_is_not_passed_over_in_silence(
    tail: bytes, is_said: bool, counted: bool
) -> None:
    """A recorder wrote its header, went on recording, and lost power; the size of the file may be right or not."""
    body = form() + chunk(b"data", ramp(1, 100).tobytes())
    back, remarks = read(riff(body + tail) if counted else riff(body) + tail)
    np.testing.assert_array_equal(back[:, 0], np.arange(1, 101))
    seconds = len(tail) / 2 / RATE
    assert remarks == ([f"{seconds:.2f} s follow the end that its header states; they are not read"] if is_said else [])


def test_joined_files_of_64_bit_sizes_are_read_whole() -> None:
    samples = ramp(1, 100).tobytes()
    sizes = chunk(b"ds64", struct.pack("<QQQI", 4 + 36 + 24 + 8 + len(samples), len(samples), 100, 0))
    content = b"WAVE" + sizes + form() + b"data\xff\xff\xff\xff" + samples
    single = b"RF64\xff\xff\xff\xff" + content
    assert struct.unpack_from("<Q", single, 20)[0] == len(content)
    back, _ = read(single + single)
    np.testing.assert_array_equal(back[:, 0], np.tile(np.arange(1, 101), 2))
