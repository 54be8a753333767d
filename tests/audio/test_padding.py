"""What encoders add to a sound is left out, and nothing else, whatever number of frames the file states."""

import struct
from pathlib import Path

import numpy as np
import pytest
from mutagen.mp4 import MP4
from support.audio_files import SAMPLE_RATE, encode, notes

from stylebox.core.audio.io.read import AudioReader, load_audio
from stylebox.core.errors import AudioError

STATED, TAG = 8, 141  # places behind the mark: the number of frames, and what was added before and behind the sound


@pytest.fixture
def mp3(tmp_path: Path) -> Path:
    return encode(tmp_path / "a.mp3", "libmp3lame", SAMPLE_RATE)


def changed(path: Path, frames: int = 0, padding: bytes | None = None) -> np.ndarray:
    """The sound of an MP3 file that states so many frames more, and other padding."""
    content = bytearray(path.read_bytes())
    mark = max(content.find(b"Xing"), content.find(b"Info"))
    (number,) = struct.unpack_from(">I", content, mark + STATED)
    struct.pack_into(">I", content, mark + STATED, number + frames)
    if padding is not None:
        content[mark + TAG : mark + TAG + 3] = padding
    path.with_name("changed.mp3").write_bytes(content)
    with AudioReader(path.with_name("changed.mp3")) as reader:
        return np.concatenate(list(reader))[:, 0]


def test_what_the_encoder_added_is_left_out(mp3: Path) -> None:
    assert len(load_audio(mp3, SAMPLE_RATE)) == len(notes())


@pytest.mark.parametrize("frames", [-40, -3, -2, -1, 1, 2])
def test_a_wrong_number_of_frames_loses_no_sound(frames: int, mp3: Path) -> None:
    """FFmpeg would take what was added behind the sound from the middle of it."""
    whole, back = load_audio(mp3, SAMPLE_RATE), changed(mp3, frames)
    np.testing.assert_array_equal(back[: len(whole)], whole)
    assert len(back) - len(whole) < 1152  # what was added behind: less than a frame


@pytest.mark.parametrize("behind", [0, 529, 1000, 4095])
def test_padding_of_several_frames_is_left_out_whole(behind: int, mp3: Path) -> None:
    """The decoder itself is late by 529 samples."""
    all_of_it = changed(mp3, padding=b"\0\0\0")
    back = changed(mp3, padding=behind.to_bytes(3))
    np.testing.assert_array_equal(back, all_of_it[: len(all_of_it) - max(behind - 529, 0)])


def ape_tag(size: int) -> bytes:
    """A tag with a header, as some programs put before a file."""
    return b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, 0xA0000000) + bytes(8) + bytes(range(1, size + 1))


@pytest.mark.parametrize(
    "front",
    [
        ape_tag(60),
        bytes(70_000),
        b"ID3\3\0\0\0\0\0\x20" + bytes(2048),  # states a smaller size than it has
        b"ID3\3\0\0\0\0\0\x20" + bytes(32) + ape_tag(60) + bytes(3),
    ],
    ids=["APE tag", "zeros", "ID3 tag with a wrong size", "all of them"],
)
@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".wav", ".opus", ".m4a"])
def test_what_stands_before_a_file_moves_no_sound(front: bytes, suffix: str, tmp_path: Path) -> None:
    """FFmpeg does not see the tag of the encoder behind an APE tag, and begins 25 ms late."""
    codec = {".mp3": "libmp3lame", ".flac": "flac", ".wav": "pcm_s16le", ".opus": "libopus", ".m4a": "aac"}[suffix]
    path = encode(tmp_path / f"a{suffix}", codec, 48000)
    whole = load_audio(path, SAMPLE_RATE)
    path.write_bytes(front + path.read_bytes())
    np.testing.assert_array_equal(load_audio(path, SAMPLE_RATE), whole)


@pytest.mark.parametrize("content", [bytes(5000), ape_tag(60), b"ID3\3\0\0\0\0\0\x20"])
def test_a_file_of_tags_and_zeros_is_no_sound_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.mp3: "):
        load_audio(tmp_path / "a.mp3", SAMPLE_RATE)


def test_the_length_in_a_comment_of_itunes_is_heeded(tmp_path: Path) -> None:
    """As old releases wrote it, whose last frame is whole; the edit list of newer ones gives the same sound."""
    sound, padding = notes(SAMPLE_RATE, 2.0)[: 1024 * 80], 871
    wanted = load_audio(encode(tmp_path / "edits.m4a", "aac", SAMPLE_RATE, False, sound), SAMPLE_RATE)
    old = encode(tmp_path / "old.m4a", "aac", SAMPLE_RATE, False, sound, use_editlist="0")
    heeded = len(sound) - padding
    for samples, length in ((heeded, heeded), (heeded // 2, None), (2 * heeded, None)):
        tagged = MP4(old)
        comment = f" 00000000 00000400 {padding:08X} {samples:016X} 00000000 00000000"
        tagged["----:com.apple.iTunes:iTunSMPB"] = comment.encode()
        tagged.save()
        back = load_audio(old, SAMPLE_RATE)
        assert len(back) == length or (length is None and len(back) >= heeded)
        np.testing.assert_allclose(back[:heeded], wanted[:heeded], atol=0.02)  # AAC fills bands with noise
