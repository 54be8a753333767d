"""A file whose end is missing, or that goes on behind its stated end, is reported; an ordinary one is not."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.audio_files import SAMPLE_RATE, encode, notes

from stylebox.core.audio.io.containers.frame_sizes import is_whole
from stylebox.core.audio.io.read import AudioReader, probe

MUSEPACK = Path(__file__).with_name("files") / "tone.mpc"
SOUND = notes(SAMPLE_RATE, 1.0)


def read(path: Path, content: bytes | None = None) -> tuple[np.ndarray, list[str]]:
    if content is not None:
        path.write_bytes(content)
    with AudioReader(path) as reader:
        blocks = list(reader)
        sound = np.concatenate(blocks)[:, 0] if blocks else np.zeros(0)
    assert probe(path).remarks == tuple(reader.remarks)
    return sound, reader.remarks


def by_libsndfile(path: Path, container: str, subtype: str = "PCM_16", channels: int = 1) -> bytes:
    sound = np.stack([SOUND] * channels, axis=1)
    soundfile.write(path, sound, SAMPLE_RATE, subtype, format=container)
    content: bytes = path.read_bytes()
    sample_bytes = int(subtype.removeprefix("PCM_")) // 8
    end = _begin(content, container) + sample_bytes * channels * len(SOUND)
    return content if container == "FLAC" else content[:end]  # without padding


def _begin(content: bytes, container: str) -> int:
    """Where the samples of a file begin."""
    mark, more = {"AU": (b".snd", 24), "AIFF": (b"SSND", 16), "CAF": (b"data", 16), "W64": (b"data", 24)}.get(
        container, (b"data", 8)
    )
    return content.find(mark) + more


@pytest.mark.parametrize(
    ("suffix", "codec", "rate", "options"),
    [
        (".latm", "aac", SAMPLE_RATE, {}),
        (".adx", "adpcm_adx", 8000, {}),
        (".sox", "pcm_s32le", SAMPLE_RATE, {}),
        (".amr", "libopencore_amrnb", 8000, {}),
        (".asf", "wmav2", SAMPLE_RATE, {"b": "96k"}),
        (".tta", "tta", SAMPLE_RATE, {}),
        (".aac", "aac", SAMPLE_RATE, {}),
    ],
)
def test_an_end_that_is_missing_is_said(
    suffix: str, codec: str, rate: int, options: dict[str, str], tmp_path: Path
) -> None:
    path = encode(tmp_path / f"a{suffix}", codec, rate, False, notes(rate, 2.0), **options)
    content = path.read_bytes()
    whole, remarks = read(path)
    assert remarks == []
    for lost in (1, 7, len(content) // 5 | 1, len(content) // 2 | 1):
        back, remarks = read(path, content[:-lost])
        assert (len(back) < len(whole)) <= len(remarks) <= 1, lost


def test_a_live_recording_of_windows_media_without_its_end_is_said(tmp_path: Path) -> None:
    """Its header counts neither bytes nor packets."""
    path = encode(tmp_path / "a.asf", "wmav2", SAMPLE_RATE, False, 2.0, b="96k")
    content = bytearray(path.read_bytes())
    properties = content.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    begin = int.from_bytes(content[16:24], "little")
    content[properties + 40 : properties + 48] = content[properties + 56 : properties + 64] = bytes(8)
    content[properties + 88] |= 1
    content[begin + 16 : begin + 24] = struct.pack("<Q", 50)
    whole, remarks = read(path, bytes(content))
    assert remarks == []
    assert read(path, bytes(content) + b"$E\x08\0" + bytes(8))[1] == []
    back, remarks = read(path, bytes(content[: len(content) * 2 // 3 | 1]))
    assert len(back) < len(whole)
    assert remarks == [f"it is cut short: {len(back) / SAMPLE_RATE:.2f} s are there"]


@pytest.mark.parametrize(
    ("codec", "frame", "size"),
    [
        ("sbc", b"\x9c\xbd\x35", 119),  # A2DP of high quality: joint stereo, 16 blocks, 8 bands, 53 bits
        ("sbc", b"\x9c\xb1\x1f", 70),  # mono, 31 bits
        ("mlp", b"\xf0\x1c", 56),
        ("truehd", b"\x40\x22", 68),
        ("aac_latm", b"\x56\xe1\x04", 263),
        ("gsm", b"\xd3", 33),
        ("amrnb", b"\x3c", 32),
        ("amrnb", b"\x7c", 1),  # no speech
        ("amrwb", b"\x44", 61),
        ("pcm_s16le", b"", 8),
    ],
)
def test_the_size_of_a_frame_is_in_its_first_bytes(codec: str, frame: bytes, size: int) -> None:
    whole = frame.ljust(size, b"\1")
    assert is_whole(whole, codec, 4)
    assert size == 1 or not is_whole(whole[:-1], codec, 4)


def test_gsm_without_its_end_is_said(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (100, 33), np.uint8)
    frames[:, 0] = 0xD0 | frames[:, 0] & 0xF
    path = tmp_path / "a.gsm"
    back, remarks = read(path, frames.tobytes())
    assert (len(back), remarks) == (16_000, [])
    back, remarks = read(path, frames.tobytes()[:-5])
    assert remarks == ["it is cut short: 1.98 s are there"]


def test_musepack_begins_and_ends_where_its_sound_does(tmp_path: Path) -> None:
    """It is a sine of 441 Hz. Decoders put 481 samples in front, and fill the last frame."""
    back, remarks = read(MUSEPACK)
    t = np.arange(12_155) / SAMPLE_RATE
    assert (len(back), remarks) == (len(t), [])
    inside = slice(2000, 10_000)
    np.testing.assert_allclose(back[inside], 0.5 * np.sin(2 * np.pi * 441 * t)[inside], atol=0.02)
    for lost in (5, 40, 700):  # its seek table, and a part of its sound
        there, remarks = read(tmp_path / "a.mpc", MUSEPACK.read_bytes()[:-lost])
        in_whole_frames = slice(len(there) - 1152)
        np.testing.assert_allclose(there[in_whole_frames], back[: len(there)][in_whole_frames], atol=0.02)
        assert len(remarks) == (lost > 5)
    assert len(there) < len(back)


@pytest.mark.parametrize("container", ["WAV", "AIFF", "AU", "CAF", "W64", "FLAC", "RF64"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_every_missing_sample_of_a_stated_length_is_said(
    container: str, channels: int, subtype: str, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    content = by_libsndfile(path, container, subtype, channels)
    frame = channels * (2 if subtype == "PCM_16" else 3)
    for lost in (1, frame, frame + 1, 5 * frame):
        back, (remark,) = read(path, content[:-lost])
        missing = len(SOUND) - len(back)
        if container != "FLAC":
            assert missing == -(-lost // frame)
        verb = "sample is" if missing == 1 else f"{missing} samples are"
        assert remark == f"it is damaged or cut short: its last {verb} missing"


@pytest.mark.parametrize("container", ["WAV", "AIFF", "AU", "CAF", "W64"])
def test_a_last_sample_in_part_is_said_where_no_size_is_stated(container: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    content = bytearray(by_libsndfile(path, container, "PCM_24"))
    begin = _begin(bytes(content), container)
    unknown = {
        "WAV": [(begin - 4, 4)],
        "AIFF": [(begin - 12, 4)],
        "AU": [(8, 4)],
        "CAF": [(begin - 12, 8)],
        "W64": [(begin - 8, 8), (16, 8)],
    }
    for place, size in unknown[container]:
        content[place : place + size] = b"\xff" * size
    for lost, said in ((0, 0), (3, 0), (1, 1)):
        back, remarks = read(path, bytes(content[: len(content) - lost]))
        assert len(back) == len(SOUND) - (lost > 0)
        assert len(remarks) == said


def _sphere(path: Path, stated: int) -> bytes:
    fields = f"sample_count -i {stated}\nsample_rate -i {SAMPLE_RATE}\nchannel_count -i 1\nsample_n_bytes -i 2\n"
    head = f"NIST_1A\n   1024\n{fields}sample_byte_format -s2 01\nsample_coding -s3 pcm\nend_head\n"
    return head.encode().ljust(1024) + bytes(np.rint(SOUND * 32768).astype("<i2").tobytes())


def _shorter(container: str, path: Path) -> bytes:
    """A file whose header states half of its sound."""
    half = len(SOUND) // 2
    if container == "SPHERE":
        return _sphere(path, half)
    if container == "SoX":
        content = bytearray(encode(path.with_suffix(".sox"), "pcm_s32le", SAMPLE_RATE, False, SOUND).read_bytes())
        content[8:16] = struct.pack("<Q", half)
        return bytes(content)
    content = bytearray(by_libsndfile(path, container))
    at = content.index({"AU": b".snd", "AIFF": b"SSND"}.get(container, b"data"))
    size = {
        "AU": (8, struct.pack(">I", 2 * half)),
        "CAF": (at + 4, struct.pack(">Q", 2 * half + 4)),
        "W64": (at + 16, struct.pack("<Q", 2 * half + 24)),
        "AIFF": (at + 4, struct.pack(">I", 2 * half + 8)),
        "RF64": (28, struct.pack("<Q", 2 * half)),
        "WAV": (at + 4, struct.pack("<I", 2 * half)),
    }[container]
    content[size[0] : size[0] + len(size[1])] = size[1]
    return bytes(content)


@pytest.mark.parametrize("container", ["WAV", "AIFF", "AU", "CAF", "W64", "RF64", "SoX", "SPHERE"])
def test_sound_behind_the_stated_end_is_said(container: str, tmp_path: Path) -> None:
    """A recorder wrote its header, went on recording, and lost power."""
    path = tmp_path / "a"
    back, remarks = read(path, _shorter(container, path))
    half = len(SOUND) // 2
    assert len(back) == half
    np.testing.assert_allclose(back, SOUND[:half], atol=1e-4)
    seconds = (len(SOUND) - half) / SAMPLE_RATE
    assert remarks == [f"{seconds:.2f} s follow the end that its header states; they are not read"]


@pytest.mark.parametrize("container", ["WAV", "AU", "CAF", "W64", "AIFF"])
@pytest.mark.parametrize("tail", [bytes(5000), b"TAG" + bytes(125), b"ID3\3\0\0\0\0\1\0" + bytes(128), b"x" * 99])
def test_padding_and_tags_behind_the_end_are_no_sound(container: str, tail: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    content = by_libsndfile(path, container)
    back, remarks = read(path, content + tail)
    assert (len(back), remarks) == (len(SOUND), [])


@pytest.mark.parametrize("counted", [0, 36, 44])
def test_a_size_that_counts_the_header_is_no_missing_sound(counted: int, tmp_path: Path) -> None:
    path = tmp_path / "a"
    content = bytearray(by_libsndfile(path, "WAV"))
    content[40:44] = struct.pack("<I", 2 * len(SOUND) + counted)
    back, remarks = read(path, bytes(content))
    assert (len(back), remarks) == (len(SOUND), [])


def test_a_filled_chunk_of_gsm_is_not_cut_short(tmp_path: Path) -> None:
    """SoX states the size of the samples with the byte that fills an odd one."""
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(320 * 5), 8000, "GSM610")
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    assert len(content) - place - 4 in (325, 326)
    content[place : place + 4] = (326).to_bytes(4, "little")
    path.write_bytes(content[: place + 4 + 325] + b"\0")
    with AudioReader(path) as reader:
        list(reader)
        assert reader.remarks == []
