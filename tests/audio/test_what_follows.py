"""What follows the end of a file is read, or one remark says how much it is; tags and padding are neither."""

import inspect
import struct
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from support.audio_files import SAMPLE_RATE, encode, notes
from support.kinds import ALL

from stylebox.core.audio.io.containers.frame_sizes import frames_bytes, is_whole
from stylebox.core.audio.io.read import AudioReader

OF_SAMPLES = {"AIFF", "AU", "AU, floats", "WAV", "CAF", "CAF, Apple Lossless", "Wave64", "Wave64 by FFmpeg"} | {
    *("SPHERE", "SoX", "ADX"),  # how long these bytes would sound is said
}
ENDLESS = {"WAV of unknown size", "WAV of size 0", "AU of unknown size", "IRCAM", "AMR"}  # all bytes may be sound
OF_FRAMES = ("AC-3", "E-AC-3", "MP2", "AAC", "MP3 without a header")  # without a container; of no stated length
MIXED = (("ac3", "ac3"), ("mp3", "libmp3lame"))
FINITE = [kind for kind in ALL if kind not in ENDLESS]
NOISE = np.random.default_rng(0).integers(0, 256, 40_000, np.uint8).tobytes()
APE_TAG = b"APETAGEX" + struct.pack("<IIII", 2000, 9000, 1, 0) + bytes(8) + NOISE[:9000]


def read(content: bytes, path: Path) -> tuple[np.ndarray, list[str]]:
    path.write_bytes(content)
    with AudioReader(path) as reader:
        return np.concatenate(list(reader))[:, 0], reader.remarks


def single(kind: str, folder: Path) -> bytes:
    ALL[kind](folder / "a", notes(SAMPLE_RATE, 0.6))
    return (folder / "a").read_bytes()


@pytest.mark.parametrize("kind", FINITE)
def test_bytes_of_no_known_kind_are_said(kind: str, tmp_path: Path) -> None:
    content, path = single(kind, tmp_path), tmp_path / "a"
    whole, remarks = read(content, path)
    assert remarks == []
    for behind in (NOISE, b"The quick brown fox jumps over the lazy dog. " * 900):
        back, remarks = read(content + behind, path)
        np.testing.assert_array_equal(back[: len(whole)], whole)
        assert len(back) - len(whole) <= 1152  # what an MP3 encoder put behind it
        if kind in OF_SAMPLES:
            assert [remark.partition(" s ")[2] for remark in remarks] == [
                "follow the end that its header states; they are not read"
            ]
        else:
            size = len(behind) / 1000
            assert remarks in ([f"{size + more:.0f} kB follow its end; they are not read"] for more in (0, 0.5))


@pytest.mark.parametrize("kind", [kind for kind in FINITE if kind not in {"AAC", "LATM"}])
def test_frames_of_aac_are_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    bare = encode(tmp_path / "b.aac", "aac", SAMPLE_RATE, False, 0.5).read_bytes()
    content, (frames, _) = single(kind, tmp_path), read(bare, path)
    with AudioReader(path) as reader:
        assert reader.native_rate == SAMPLE_RATE
    whole, _ = read(content, path)
    with AudioReader(path) as reader:
        is_of_one_rate = reader.native_rate == SAMPLE_RATE
    back, remarks = read(content + bare, path)
    assert remarks == []
    np.testing.assert_array_equal(back[: len(whole)], whole)
    if is_of_one_rate:
        np.testing.assert_array_equal(back[len(whole) :], frames)


@pytest.mark.parametrize("kind", FINITE)
def test_tags_and_padding_are_not_said(kind: str, tmp_path: Path) -> None:
    content, path = single(kind, tmp_path), tmp_path / "a"
    whole, _ = read(content, path)
    id3v1, id3v2 = b"TAG" + bytes(125), b"ID3\3\0\0\0\0\x3f\x76" + NOISE[:8182]
    lyrics = b"LYRICSBEGIN" + b"la " * 3000 + b"009011LYRICS200"
    for behind in (id3v1, id3v2, APE_TAG, APE_TAG + id3v1, lyrics + id3v1, NOISE[:400], bytes(9000)):
        back, remarks = read(content + behind, path)
        np.testing.assert_array_equal(back[: len(whole)], whole)
        assert [remark for remark in remarks if "follow" in remark] == []


@pytest.mark.parametrize("kind", FINITE)
def test_zeros_may_be_lost_sound_only_if_no_length_is_stated(kind: str, tmp_path: Path) -> None:
    """They are padding elsewhere."""
    content = single(kind, tmp_path)
    for behind in (bytes(300), bytes(9000), bytes(9000) + b"TAG" + bytes(125)):
        _, remarks = read(content + behind, tmp_path / "a")
        ends_in_zeros = "it ends in zeros, as after a failed download; its end may be missing"
        assert remarks == [ends_in_zeros] * (kind in OF_FRAMES)


@pytest.mark.parametrize(
    ("codec", "rate"), [("ac3", 32000), ("ac3", 44100), ("ac3", 48000), ("eac3", 44100), ("eac3", 48000)]
)
@pytest.mark.parametrize("bits", ["96000", "192000", "448000"])
def test_a_frame_of_ac3_states_its_size(codec: str, rate: int, bits: str, tmp_path: Path) -> None:
    """The parser of FFmpeg knows the sizes of all but the last one."""
    path = encode(tmp_path / f"a.{codec}", codec, rate, False, 0.5, b=bits)
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux() if packet.size]
    assert [frames_bytes(packet + b"TAG") for packet in packets] == [len(packet) for packet in packets]


def test_a_frame_of_dts_states_its_size() -> None:
    """In 14 bits behind the sync word, and 14 bits of other things; an extension with it follows."""
    for size in (96, 1884, 16384):
        head = int("7ffe8001", 16) << 32 | (size - 1) << 4
        frame = head.to_bytes(8).ljust(size, b"\1")
        assert frames_bytes(frame) == frames_bytes(frame + NOISE) == size
        extension = int("64582025", 16) << 64 | (500 - 1) << 29
        assert frames_bytes(frame + extension.to_bytes(12).ljust(500, b"\1") + NOISE) == size + 500
        assert is_whole(frame, "dca", 0)
        assert not is_whole(frame[:-1], "dca", 0)


def test_what_a_parser_passes_over_is_said(tmp_path: Path) -> None:
    """Frames of LATM and the like lie side by side, or some between them were lost."""
    path = tmp_path / "a"
    content = single("LATM", tmp_path)
    whole, _ = read(content, path)
    middle = len(content) // 2
    back, remarks = read(content[:middle] + NOISE[:2000].replace(b"\x56", b"\0") + content[middle:], path)
    assert len(back) < len(whole)
    assert [remark.partition(" of its packets ")[2].split(" ", 1)[1] for remark in remarks] == [
        "damaged; what follows comes too early"
    ]
    assert read(content + content, path)[1] == []


def test_packets_that_cannot_be_decoded_to_the_end_are_said(tmp_path: Path) -> None:
    """As of AAC in WAV, whose frames FFmpeg does not find."""
    path = encode(tmp_path / "a.wav", "aac", SAMPLE_RATE, False, 3.0)
    back, remarks = read(path.read_bytes(), path)
    assert len(back) < 3.0 * SAMPLE_RATE
    assert len(remarks) == 1


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("bits", ["192k", "640k"])
def test_frames_of_ac3_are_read(rate: int, bits: str, tmp_path: Path) -> None:
    """At 44.1 kHz their sizes differ by one word."""
    path = tmp_path / "a"
    bare = encode(tmp_path / "b.ac3", "ac3", rate, False, 0.5, b=bits).read_bytes()
    whole, _ = read(single("FLAC", tmp_path), path)
    back, remarks = read(single("FLAC", tmp_path) + bare, path)
    assert remarks == []
    assert len(back) > len(whole) + 0.45 * SAMPLE_RATE


def test_too_many_files_of_several_kinds_are_said(tmp_path: Path) -> None:
    path, limit = tmp_path / "a", sys.getrecursionlimit()
    two = b"".join(encode(tmp_path / f"b.{kind}", codec, 48000, False, 0.1).read_bytes() for kind, codec in MIXED)
    path.write_bytes(30 * two)
    read(two, tmp_path / "b")  # imports what it needs
    sys.setrecursionlimit(len(inspect.stack()) + 130)
    try:
        with AudioReader(path) as reader:
            assert sum(len(block) for block in reader) > 0
            assert reader.remarks == ["a file that follows its end cannot be read; it is left out"]
    finally:
        sys.setrecursionlimit(limit)


def test_damage_of_nut_is_said(tmp_path: Path) -> None:
    content, path = bytearray(single("NUT", tmp_path)), tmp_path / "a"
    middle = len(content) // 2
    content[middle : middle + 300] = bytes([0xAA]) * 300
    assert read(bytes(content), path)[1] != []
