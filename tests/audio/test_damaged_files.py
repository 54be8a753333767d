"""Damaged files and files without sound: refused in one line that names the fix, or read as far as possible."""

import io
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, cast

import av
import numpy as np
import pytest
import soundfile
from av.container import InputContainer
from support.audio_files import SAMPLE_RATE, encode, notes

from stylebox.core.audio.io.containers.endings import Ending
from stylebox.core.audio.io.read import load_audio, probe
from stylebox.core.audio.io.write import write_audio
from stylebox.core.errors import AudioError


def _no_sound_video(path: Path) -> None:
    encode(path.with_suffix(".mp4"), None, 44100, video=True).rename(path)


def _playlist(path: Path) -> None:
    write_audio(path.with_name("target.wav"), notes(), SAMPLE_RATE)
    path.write_text(f"ffconcat version 1.0\nfile {path.with_name('target.wav')}\n")


def _head_of(name: str, codec: str, num_bytes: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(encode(path.with_name(name), codec, 44100).read_bytes()[:num_bytes])

    return make


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "no such file"),
    "folder": (Path.mkdir, "is a folder"),
    "empty": (Path.touch, "is empty"),
    "text": (lambda path: path.write_text("la la la\n" * 50), "is not a sound file|has no sound track"),
    "zeros": (lambda path: path.write_bytes(bytes(5000)), "is not a sound file"),
    "noise": (lambda path: path.write_bytes(np.random.default_rng(1).bytes(99_999)), "is not a sound file"),
    "playlist": (_playlist, "is not a sound file"),
    "silent film": (_no_sound_video, "has no sound track"),
    "no samples": (
        lambda path: soundfile.write(path, np.zeros(0), SAMPLE_RATE, format="WAV"),
        "holds no sound",
    ),
    "wav header": (lambda path: path.write_bytes(b"RIFF\x24\0\0\0WAVEfmt "), "is not a sound file|holds no"),
    "seeks nowhere": (
        lambda path: path.write_bytes(b"FORM\0\0\0\x2eAIFFCOMM\xff\xff\xff\xf0" + b"\1" * 9),
        ".",
    ),
    "caf of a huge chunk": (lambda path: path.write_bytes(b"caff\0\1\0\0desc" + b"\xff" * 99), "."),
    "mp4 of a huge box": (
        lambda path: path.write_bytes(b"\0\0\0\x0cftypisom\0\0\0\1moov" + b"\xff" * 99),
        "is not a sound file",
    ),
    "m4a cut short": (_head_of("a.m4a", "aac", 9000), "is not a sound file, or is damaged"),
    "mp3 cut short": (_head_of("a.mp3", "libmp3lame", 30), "is not a sound file|holds no sound"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_line_that_names_the_file(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make, says = BAD[kind]
    path = tmp_path / f"{kind}.wav"
    make(path)
    with pytest.raises(AudioError, match=says) as caught:
        load_audio(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "; " in message, "the fix follows"
    assert "\n" not in message
    assert capfd.readouterr().err == "", "the decoders keep their chatter to themselves"


def test_a_file_one_may_not_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_audio(tmp_path / "a.wav", notes(), SAMPLE_RATE)

    def refused(*_: object, **__: object) -> None:  # as permissions would, but they do not bind root
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(AudioError, match=r"Permission denied\); check its permissions"):
        load_audio(tmp_path / "a.wav")


def test_names_that_no_file_can_have() -> None:
    with pytest.raises(AudioError, match=r"cannot be opened .* check the name"):
        load_audio("a\0b.wav")
    with pytest.raises(AudioError, match=r"File name too long\); choose a shorter name"):
        load_audio("x" * 5000)
    with pytest.raises(AudioError, match=r"^x+\.wav: no such file; check the name"):  # ".<name>.icloud" is too long
        load_audio(251 * "x" + ".wav")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_file_cut_short_gives_what_is_there(suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, notes(seconds=6), SAMPLE_RATE)
    whole, content = load_audio(path), path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    cut = load_audio(path)
    assert 0.4 * len(whole) < len(cut) < 0.75 * len(whole)
    np.testing.assert_allclose(cut[:-2500], whole[: len(cut) - 2500], atol=1e-4)
    assert capfd.readouterr().err == ""


def test_packets_that_cannot_be_decoded_are_reported_where_no_time_shows_them(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.caf", "alac", SAMPLE_RATE)
    whole, content = probe(path), bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(7 * byte % 256 for byte in content[middle : middle + 3000])
    path.write_bytes(content)
    damaged = probe(path)
    assert whole.remarks == ()
    assert damaged.samples < whole.samples
    assert damaged.remarks == ("2 of its packets are damaged; what follows comes too early",)


@pytest.mark.parametrize("size", [1 << 50, (1 << 56) - 2, (1 << 62) - 1, (1 << 64) - 2])
@pytest.mark.parametrize(
    ("name", "codec", "mark", "skipped", "order"),
    [
        ("a.mka", "flac", b"\x18\x53\x80\x67", 0, "big"),
        ("a.wma", "wmav2", bytes.fromhex("3626b275"), 12, "little"),
        ("a.caf", "pcm_s16le", b"data", 0, "big"),
        ("a.w64", "pcm_s16le", b"data\xf3\xac", 10, "little"),
    ],
)
def test_sizes_far_beyond_any_disk_are_an_end_that_is_missing(
    name: str, codec: str, mark: bytes, skipped: int, order: Literal["big", "little"], size: int, tmp_path: Path
) -> None:
    """Systems refuse such places; a file in memory has them."""
    path = encode(tmp_path / name, codec, SAMPLE_RATE, False, 0.5, b="96k")
    content = bytearray(path.read_bytes())
    place = content.index(mark) + len(mark) + skipped
    stated = (1 << 56 | size & (1 << 56) - 1) if name == "a.mka" else size
    content[place : place + 8] = stated.to_bytes(8, order)
    path.write_bytes(content)
    assert 0.45 < len(load_audio(path, SAMPLE_RATE)) / SAMPLE_RATE < 0.56


def test_a_track_that_begins_in_the_middle_is_no_obstacle() -> None:
    class Container:
        """As PyAV's: it fails where it ends the tracks."""

        format, streams = SimpleNamespace(name="mpegts"), ()

        def demux(self) -> Iterator[SimpleNamespace]:
            yield SimpleNamespace(size=0, stream=SimpleNamespace(index=0))
            raise IndexError

    ending = Ending(cast(InputContainer, Container()), cast(av.AudioStream, SimpleNamespace(index=0)), io.BytesIO())
    assert len(list(ending.packets())) == 1


@pytest.mark.parametrize("channels", [64, 65, 255])
def test_more_channels_than_can_be_read_are_one_line(channels: int, tmp_path: Path) -> None:
    """Few programs write so many; in a damaged header they are the rule."""
    head = struct.pack("<4sIQdII", b".SoX", 28, 1000 * channels, 8000.0, channels, 0)
    (tmp_path / "a.sox").write_bytes(head + bytes(4000 * channels))
    if channels == 64:
        assert len(load_audio(tmp_path / "a.sox", 8000)) == 1000
        return
    with pytest.raises(AudioError, match=rf"a\.sox: has {channels} channels, and 64 can be read; export fewer"):
        load_audio(tmp_path / "a.sox")


def test_no_channels_are_one_line(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mka", "libopus", 48000)
    content = bytearray(path.read_bytes())
    for mark, place in ((b"OpusHead", 9), (b"\x9f\x81", 2)):  # the header of Opus; the number of channels of Matroska
        content[content.index(mark) + place] = 0
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.mka: its sound is of an unknown kind, or damaged"):
        load_audio(path)


@pytest.mark.parametrize(("place", "byte"), [(4, 2), (5, 50), (6, 8), (7, 0), (7, 3), (8, 255), (8, 1), (3, 2)])
def test_a_header_of_adx_that_ffmpeg_does_not_know_is_one_line(place: int, byte: int, tmp_path: Path) -> None:
    """FFmpeg 8 divides by zero there, which ends the program."""
    path = encode(tmp_path / "a.adx", "adpcm_adx", 44100)
    content = bytearray(path.read_bytes())
    content[place] = byte
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"a\.adx: is damaged, or is ADX of an unknown kind"):
        load_audio(path)
