"""Sound as streams: blocks with all channels in and out, at any rate, depth and with tags."""

from pathlib import Path

import numpy as np
import pytest
from mutagen.apev2 import APEv2
from support.audio_files import SUFFIXES, notes

from stylebox.core.audio.io.ffmpeg import open_ffmpeg
from stylebox.core.audio.io.read import AudioReader, load_audio, resample
from stylebox.core.audio.io.tags import Tags
from stylebox.core.audio.io.write import AudioWriter
from stylebox.core.errors import AudioError

RATE = 48000
PIXEL = bytes.fromhex(  # a PNG of one pixel
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001"
    "e221bc330000000049454e44ae426082"
)
TAGS = Tags("Für Elise", "Ludwig", "Album & more", "1810-04-27", "style: harp", PIXEL)


def stereo(bits: int = 24) -> np.ndarray:
    """Two channels that differ, of samples that the depth holds exactly."""
    full_scale = 2 ** (bits - 1)
    left = notes(RATE, 1.0)
    audio: np.ndarray = (np.rint(np.stack([left, left[::-1]], 1) * full_scale) / full_scale).astype(np.float32)
    return audio


def write(path: Path, audio: np.ndarray, bits: int = 16, step: int = 10_007, tags: Tags | None = None) -> bytes:
    """Write in blocks, and give the file's bytes."""
    with AudioWriter(path, RATE, audio.shape[1], bits, tags) as writer:
        for start in range(0, len(audio), step):
            writer.write(audio[start : start + step])
    return path.read_bytes()


def read(path: Path, sample_rate: int | None = None) -> np.ndarray:
    with AudioReader(path, sample_rate) as reader:
        return np.concatenate(list(reader))


@pytest.mark.parametrize(
    ("suffix", "bits", "depth"),
    [(".wav", 16, 16), (".wav", 24, 24), (".wav", 32, 32), (".flac", 16, 16), (".flac", 24, 24)],
)
def test_samples_of_that_depth_come_back_bit_by_bit(suffix: str, bits: int, depth: int, tmp_path: Path) -> None:
    audio = stereo(min(bits, 24))
    write(tmp_path / f"a{suffix}", audio, bits)
    np.testing.assert_array_equal(read(tmp_path / f"a{suffix}"), audio)
    with AudioReader(tmp_path / f"a{suffix}") as reader:
        assert (reader.native_rate, reader.channels, reader.bits) == (RATE, 2, depth)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_stereo_and_tags_stay_and_bytes_do_not_depend_on_blocks(suffix: str, tmp_path: Path) -> None:
    """Of 16-bit integers in stereo, libsndfile makes an MP3 of noise."""
    audio = stereo()
    content = write(tmp_path / f"a{suffix}", audio, tags=TAGS)
    assert write(tmp_path / f"b{suffix}", audio, step=77_777, tags=TAGS) == content
    with AudioReader(tmp_path / f"a{suffix}") as reader:
        blocks = [next(iter(reader))]
        assert reader.read_tags() == TAGS
        back = np.concatenate([*blocks, *reader])
    assert back.shape == audio.shape
    assert np.sum((back - audio) ** 2) < 0.01 * np.sum(audio**2)


def test_tags_of_another_encoding_lose_only_what_cannot_be_read(tmp_path: Path) -> None:
    """Old programs wrote Vorbis comments in Latin-1."""
    content = write(tmp_path / "a.flac", stereo(), tags=Tags("Für Elise", "Ludwig"))
    (tmp_path / "a.flac").write_bytes(content.replace("ü".encode(), b"\xfc "))
    with AudioReader(tmp_path / "a.flac") as reader:
        assert reader.read_tags() == Tags("F r Elise", "Ludwig")


def test_an_ape_tag_says_what_the_id3_tag_of_an_mp3_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    write(path, stereo(), tags=Tags(artist="of ID3"))
    ape = APEv2()
    ape.update({"Title": "of APE", "Artist": ["one", "two"], "Year": "1999", "Cover Art (Front)": b"a.jpg\0image"})
    ape.save(path)
    with AudioReader(path) as reader:
        assert reader.read_tags() == Tags("of APE", "of ID3", date="1999", cover=b"image")
    content = path.read_bytes()
    at = content.rindex(b"APETAGEX") + 12
    path.write_bytes(content[:at] + b"\xff\xff\xff\x7f" + content[at + 4 :])  # its size
    with AudioReader(path) as reader:
        assert reader.read_tags() == Tags(artist="of ID3"), "a damaged tag is left out"


@pytest.mark.parametrize("channels", [1, 3, 6, 8])
def test_channels_keep_their_places(channels: int, tmp_path: Path) -> None:
    audio = np.eye(channels, dtype=np.float32).repeat(1000, axis=0) * 0.5
    for suffix in (".wav", ".flac"):
        write(tmp_path / f"a{suffix}", audio, 24)
        np.testing.assert_array_equal(read(tmp_path / f"a{suffix}"), audio)


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
def test_channels_of_vorbis_are_where_ffmpeg_finds_them(channels: int, tmp_path: Path) -> None:
    """Vorbis has an order of its own: the centre is second. Each channel has a tone that no other has."""
    moments = np.arange(RATE)[:, None] / RATE
    hz = 300.0 * (1 + np.arange(channels))
    audio = (0.3 * np.sin(2 * np.pi * hz * moments)).astype(np.float32)
    write(tmp_path / "a.ogg", audio)
    with (tmp_path / "a.ogg").open("rb") as stream, open_ffmpeg(stream, "a.ogg") as track:
        by_ffmpeg = np.concatenate([block for _, block in track.blocks])
    for found in (by_ffmpeg, read(tmp_path / "a.ogg")):
        loudest = np.abs(np.fft.rfft(found[: RATE // 2], axis=0)).argmax(axis=0) * 2
        full = [place for place in range(channels) if channels < 6 or place != 3]  # the fourth has low frequencies only
        assert loudest[full].tolist() == hz[full].tolist()


@pytest.mark.parametrize(("sample_rate", "samples"), [(44100, 44116), (8000, 8003), (192000, 192068), (48000, 48017)])
def test_a_stream_is_resampled_to_the_exact_length_as_if_whole(sample_rate: int, samples: int, tmp_path: Path) -> None:
    audio = stereo()
    write(tmp_path / "a.wav", audio, 32)
    with AudioReader(tmp_path / "a.wav", sample_rate) as reader:
        back = np.concatenate(list(reader))
        assert len(back) == reader.samples == samples
        assert reader.native_samples == len(audio)
    for channel in range(2):
        np.testing.assert_allclose(back[:, channel], resample(audio[:, channel], RATE, sample_rate), atol=1e-6)
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav", sample_rate), back.mean(axis=1), atol=1e-6)


def test_a_file_is_there_only_when_it_is_whole(tmp_path: Path) -> None:
    before = write(tmp_path / "a.flac", stereo())
    broken = np.zeros((200_000, 1), np.float32)
    broken[-1] = np.nan
    with pytest.raises(AudioError, match=r"a\.flac: the sound holds samples that are no numbers"):
        write(tmp_path / "a.flac", broken, step=70_000)
    assert (tmp_path / "a.flac").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.flac"]


@pytest.mark.parametrize(
    ("name", "channels", "bits", "says"),
    [
        ("a.mp3", 3, 16, "holds at most 2 channels, not 3"),
        ("a.flac", 1, 32, "has no depth of 32 bits; use 16 or 24"),
        ("a.ogg", 1, 24, "has no depth of 24 bits"),
    ],
)
def test_what_a_format_does_not_hold_is_refused(name: str, channels: int, bits: int, says: str) -> None:
    with pytest.raises(AudioError, match=says):
        AudioWriter(name, RATE, channels, bits)


def test_what_is_too_loud_is_clipped_and_the_peak_says_so(tmp_path: Path) -> None:
    loud = np.array([[0.5, -2.0], [3.0, 0.25]], np.float32)
    with AudioWriter(tmp_path / "a.wav", RATE, 2) as writer:
        writer.write(loud)
    assert writer.peak == 3.0
    np.testing.assert_allclose(read(tmp_path / "a.wav"), np.clip(loud, -1, 1), atol=2**-15)
    write(tmp_path / "f.wav", loud, 32)
    np.testing.assert_array_equal(read(tmp_path / "f.wav"), loud)
