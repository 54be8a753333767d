"""Sound in and out of files: every format there and back, bad input of each kind, nothing half written."""

import io
import os
import struct
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile

from stylebox.core.audio.io.ogg import checksum, with_plain_serial
from stylebox.core.audio.io.read import load_audio, probe, resample
from stylebox.core.audio.io.write import encode_audio, write_audio
from stylebox.core.errors import AudioError

SAMPLE_RATE = 44100


@cache
def _notes(sample_rate: int = SAMPLE_RATE, seconds: float = 2.0) -> np.ndarray:
    """Plucked notes with a little noise: unlike a sine, it shows where it begins."""
    t = np.arange(round(seconds * sample_rate) + 17) / sample_rate
    tone = sum(0.2 / h * np.sin(2 * np.pi * 220 * h * t) for h in range(1, 9))
    noise = 1e-3 * np.random.default_rng(0).standard_normal(t.size)
    return (tone * np.exp(-4 * (t % 0.5)) + noise).astype(np.float32)


def _tone(hz: float, sample_rate: int, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def _signal_to_error_db(wanted: np.ndarray, got: np.ndarray) -> float:
    assert wanted.shape == got.shape
    return 10 * float(np.log10(np.sum(wanted**2) / np.sum((wanted - got) ** 2)))


def _loudest_hz(audio: np.ndarray, sample_rate: int) -> float:
    """Frequency of the strongest partial, interpolated between bins."""
    level = np.log(np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) + 1e-12)
    k = int(np.argmax(level[1:-1])) + 1
    a, b, c = level[k - 1 : k + 2]
    return float((k + (a - c) / (2 * (a - 2 * b + c))) * sample_rate / len(audio))


def _encode(path: Path, codec: str | None, sample_rate: int, video: bool = False, **options: str) -> Path:
    """A file as FFmpeg writes it: `_notes` in `codec`, beside a picture if `video`."""
    with av.open(str(path), "w") as container:
        sound = codec and container.add_stream(codec, rate=sample_rate, layout="mono", options=options)
        if video:
            film = container.add_stream("mpeg4", rate=10)
            film.width = film.height = 32
            film.pix_fmt = "yuv420p"
            for shade in range(20):
                picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), shade * 10, np.uint8))
                container.mux(film.encode(picture))
            container.mux(film.encode(None))
        if sound:
            assert isinstance(sound, av.AudioStream)
            frame = av.AudioFrame.from_ndarray(_notes(sample_rate)[None], "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return path


# --- there and back


@pytest.mark.parametrize(
    ("name", "at_least_db"), [("a.wav", 60), ("a.flac", 60), ("a.ogg", 20), ("a.mp3", 20), ("a.WAV", 60)]
)
@pytest.mark.parametrize("sample_rate", [22050, 44100])
def test_what_is_written_reads_back_in_place(name: str, at_least_db: float, sample_rate: int) -> None:
    audio = _notes(sample_rate)
    assert write_audio(name, audio, sample_rate) == 0.0
    back = load_audio(name, sample_rate)
    assert back.dtype == np.float32
    assert _signal_to_error_db(audio, back) > at_least_db
    info = probe(name)
    assert (info.sample_rate, info.channels) == (sample_rate, 1)
    assert info.seconds == pytest.approx(len(audio) / sample_rate, abs=1e-6)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_equal_sound_gives_equal_bytes(suffix: str, tmp_path: Path) -> None:
    """Not by chance: libsndfile draws a new serial number for each Ogg stream."""
    for name in ("a", "b"):
        write_audio(tmp_path / f"{name}{suffix}", _notes(), SAMPLE_RATE)
    content = (tmp_path / f"a{suffix}").read_bytes()
    assert content == (tmp_path / f"b{suffix}").read_bytes() == encode_audio(_notes(), SAMPLE_RATE, suffix)


def test_a_pages_checksum_is_the_one_its_encoder_wrote() -> None:
    drawn = io.BytesIO()
    soundfile.write(drawn, _notes(), SAMPLE_RATE, format="OGG", subtype="VORBIS")
    page = bytearray(drawn.getvalue()[: drawn.getvalue().index(b"OggS", 4)])
    (written,) = struct.unpack_from("<I", page, 22)
    page[22:26] = bytes(4)
    assert checksum(bytes(page)) == written
    plain = with_plain_serial(drawn.getvalue() + b"a tag behind")
    assert len(plain) == len(drawn.getvalue()) + 12
    assert with_plain_serial(plain) == plain


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_over_a_minute_is_written_in_blocks(suffix: str, tmp_path: Path) -> None:
    audio = np.tile(_notes(8000, 5.0), 15)
    write_audio(tmp_path / f"long{suffix}", audio, 8000)
    assert _signal_to_error_db(audio, load_audio(tmp_path / f"long{suffix}", 8000)) > 15


@pytest.mark.parametrize(
    ("name", "codec", "sample_rate", "video"),
    [
        ("a.m4a", "aac", 44100, False),
        ("a.mp4", "aac", 44100, True),
        ("a.webm", "libopus", 48000, False),
        ("a.opus", "libopus", 48000, False),
        ("a.mkv", "pcm_s16le", 32000, True),
        ("a.mp3", "libmp3lame", 44100, False),
    ],
)
def test_what_others_encode_comes_in_whole_and_in_place(
    name: str, codec: str, sample_rate: int, video: bool, tmp_path: Path
) -> None:
    path = _encode(tmp_path / name, codec, sample_rate, video)
    audio, wanted = load_audio(path, sample_rate), _notes(sample_rate)
    assert abs(len(audio) - len(wanted)) <= (sample_rate // 1000 if codec == "aac" else 0), "MP4 counts in ms"
    wanted = wanted[: len(audio)]
    assert np.corrcoef(audio, wanted)[0, 1] > 0.99
    info = probe(path)
    assert info.sample_rate == sample_rate
    assert info.seconds == pytest.approx(len(wanted) / sample_rate, abs=0.03)


@pytest.mark.parametrize("suffix", [".aiff", ".au", ".caf", ".w64", ".voc"])
def test_lesser_known_formats_come_in(suffix: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / f"a{suffix}", _notes(), SAMPLE_RATE, subtype="PCM_16")
    assert _signal_to_error_db(_notes(), load_audio(tmp_path / f"a{suffix}")) > 60


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
@pytest.mark.parametrize("disguise", ["take.raw", "take.mp3", "take.txt", "take"])
def test_suffixes_are_not_trusted(suffix: str, disguise: str, tmp_path: Path) -> None:
    write_audio(tmp_path / f"plain{suffix}", _notes(), SAMPLE_RATE)
    wanted = load_audio(tmp_path / f"plain{suffix}")
    (tmp_path / f"plain{suffix}").rename(tmp_path / disguise)
    np.testing.assert_array_equal(load_audio(tmp_path / disguise), wanted)


def test_mp3_decodes_the_same_in_blocks_and_whole(tmp_path: Path) -> None:
    """In blocks, libsndfile restarts its MP3 decoder at each: there the error is as large as the signal."""
    t = np.arange(3 * 44100) / 44100
    audio = _tone(440, 44100, 3.0) + _tone(3000, 44100, 3.0, 0.3) * (t % 1 < 0.2)
    write_audio(tmp_path / "a.mp3", audio, 44100)
    whole, _ = soundfile.read(tmp_path / "a.mp3", dtype="float32")
    np.testing.assert_allclose(load_audio(tmp_path / "a.mp3", 44100), whole, atol=1e-4)


@pytest.mark.parametrize("num_samples", [1, 100, 1500, 11025, 22050])
def test_short_sounds_keep_their_length(num_samples: int) -> None:
    for name in ("a.wav", "a.flac", "a.ogg", "a.mp3"):
        write_audio(name, _notes()[:num_samples], SAMPLE_RATE)
        lone = name == "a.mp3" and num_samples == 1  # a gapless header can't say "all of this but one"
        assert lone or len(load_audio(name)) == num_samples


# --- channels, rates, samples


def test_channels_are_mixed_by_their_mean(tmp_path: Path) -> None:
    left, right = _tone(440, 44100), _tone(660, 44100)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right, 0 * left], 1), 44100, subtype="FLOAT")
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav", 44100), (left + right) / 3, atol=1e-6)
    assert probe(tmp_path / "a.wav").channels == 3


@pytest.mark.parametrize("native_rate", [8000, 11025, 44100, 48000, 96000])
def test_a_tone_keeps_pitch_level_and_time(native_rate: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", _tone(1000, native_rate), native_rate, subtype="FLOAT")
    audio = load_audio(tmp_path / "a.wav")
    assert len(audio) == SAMPLE_RATE
    assert _loudest_hz(audio, SAMPLE_RATE) == pytest.approx(1000, abs=0.05)
    inside = slice(1000, -1000)
    np.testing.assert_allclose(audio[inside], _tone(1000, SAMPLE_RATE)[inside], atol=2e-3)


def test_a_tone_above_half_the_rate_dies_and_one_below_lives(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", _tone(30000, 96000) + _tone(19000, 96000), 96000, subtype="FLOAT")
    audio = load_audio(tmp_path / "a.wav")[10000:32050]
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) / len(audio) * 4
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
    assert spectrum[np.abs(hz - 19000) < 5].max() == pytest.approx(0.5, rel=0.02)
    assert spectrum[np.abs(hz - 19000) > 50].max() < 0.5 * 10 ** (-80 / 20)


@pytest.mark.parametrize("num_samples", [1, 2, 100, 65536, 65537, 200_001])
def test_the_length_is_the_rounded_ratio(num_samples: int) -> None:
    audio = _tone(100, 44100, 5.0)[:num_samples]
    assert len(resample(audio, 44100, 22050)) == max(1, round(num_samples / 2))
    assert len(resample(audio, 44100, 48000)) == round(num_samples * 48000 / 44100)
    np.testing.assert_array_equal(resample(audio, 44100, 44100), audio)


def test_a_long_file_resampled_in_blocks_equals_one_resampled_whole(tmp_path: Path) -> None:
    audio = np.tile(_notes(48000), 3)
    soundfile.write(tmp_path / "a.wav", audio, 48000, subtype="FLOAT")
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav"), resample(audio, 48000, SAMPLE_RATE), atol=1e-6)


def test_a_few_broken_samples_become_silence_and_many_are_refused(tmp_path: Path) -> None:
    audio = _tone(440, SAMPLE_RATE)
    audio[[100, 2000, 3000]] = np.nan, np.inf, 1e30
    soundfile.write(tmp_path / "scratched.wav", audio, SAMPLE_RATE, subtype="FLOAT")
    wanted = _tone(440, SAMPLE_RATE)
    wanted[[100, 2000, 3000]] = 0
    np.testing.assert_array_equal(load_audio(tmp_path / "scratched.wav"), wanted)
    assert np.isfinite(load_audio(tmp_path / "scratched.wav", 48000)).all()
    audio[:10_000] = np.nan
    soundfile.write(tmp_path / "broken.wav", audio, SAMPLE_RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"broken\.wav: 23% of its samples are no numbers"):
        load_audio(tmp_path / "broken.wav")


# --- where it comes from


def test_a_file_object_is_read_from_its_beginning(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.ogg", _notes(), SAMPLE_RATE)
    wanted = load_audio(tmp_path / "a.ogg")
    with (tmp_path / "a.ogg").open("rb") as file:
        file.seek(33)
        np.testing.assert_array_equal(load_audio(file), wanted)
        np.testing.assert_array_equal(load_audio(file), wanted)
    np.testing.assert_array_equal(load_audio(io.BytesIO((tmp_path / "a.ogg").read_bytes())), wanted)


@pytest.mark.parametrize("suffix", [".wav", ".mp3"])
def test_standard_input_and_pipes(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_audio(tmp_path / f"a{suffix}", _notes(), SAMPLE_RATE)
    wanted = load_audio(tmp_path / f"a{suffix}")
    for through in ("stdin", "file object"):
        reader, writer = os.pipe()
        content = (tmp_path / f"a{suffix}").read_bytes()

        def pour(writer: int = writer, content: bytes = content) -> None:
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(content)

        pouring = threading.Thread(target=pour)
        pouring.start()
        with os.fdopen(reader, "rb") as pipe:
            if through == "stdin":
                monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=pipe, isatty=lambda: False))
            got = load_audio("-" if through == "stdin" else pipe)
        pouring.join()
        np.testing.assert_array_equal(got, wanted)


def test_an_empty_standard_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(), isatty=lambda: False))
    with pytest.raises(AudioError, match="standard input: is empty"):
        load_audio("-")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(), isatty=lambda: True))
    with pytest.raises(AudioError, match="standard input: is a terminal"):
        load_audio("-")


# --- what goes wrong


def _no_sound_video(path: Path) -> None:
    _encode(path.with_suffix(".mp4"), None, 44100, video=True).rename(path)


def _playlist(path: Path) -> None:
    write_audio(path.with_name("target.wav"), _notes(), SAMPLE_RATE)
    path.write_text(f"ffconcat version 1.0\nfile {path.with_name('target.wav')}\n")


def _head_of(name: str, codec: str, num_bytes: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(_encode(path.with_name(name), codec, 44100).read_bytes()[:num_bytes])

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
    assert "; " in message, "a mend follows"
    assert "\n" not in message
    assert capfd.readouterr().err == "", "the decoders keep their chatter to themselves"


def test_a_file_one_may_not_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_audio(tmp_path / "a.wav", _notes(), SAMPLE_RATE)

    def refused(*_: object, **__: object) -> None:  # as permissions would, but they do not bind root
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(AudioError, match="cannot be opened"):
        load_audio(tmp_path / "a.wav")


def test_names_that_no_file_can_have() -> None:
    for name in ("a\0b.wav", "x" * 5000):
        with pytest.raises(AudioError, match="cannot be opened"):
            load_audio(name)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_file_cut_short_gives_what_is_there(suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, _notes(seconds=6), SAMPLE_RATE)
    whole, content = load_audio(path), path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    cut = load_audio(path)
    assert 0.4 * len(whole) < len(cut) < 0.75 * len(whole)
    np.testing.assert_allclose(cut[:-2500], whole[: len(cut) - 2500], atol=1e-4)
    assert capfd.readouterr().err == ""


# --- writing


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_what_would_clip_is_turned_down_as_a_whole(suffix: str, tmp_path: Path) -> None:
    loud = 4 * _tone(440, SAMPLE_RATE)
    turned_down_db = write_audio(tmp_path / f"a{suffix}", loud, SAMPLE_RATE)
    assert turned_down_db == pytest.approx(20 * np.log10(2) + 0.1, abs=0.01)
    back = load_audio(tmp_path / f"a{suffix}")[2000:-2000]
    wanted = loud[2000:-2000] * 10 ** (-turned_down_db / 20)
    assert _signal_to_error_db(wanted, back) > 30
    assert np.abs(wanted).max() == pytest.approx(10 ** (-0.1 / 20), abs=1e-3)


def test_full_scale_is_left_alone_and_the_input_too(tmp_path: Path) -> None:
    audio = np.array([1.0, -1.0, 0.5] * 100)
    assert write_audio(tmp_path / "a.wav", audio, SAMPLE_RATE) == 0.0
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav"), audio, atol=1e-4)
    loud = np.full(100, 2.0, np.float32)
    write_audio(tmp_path / "a.wav", loud, SAMPLE_RATE)
    assert (loud == 2).all()


def test_standard_output_gets_a_wav(monkeypatch: pytest.MonkeyPatch) -> None:
    caught = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=caught))
    write_audio("-", _notes(), SAMPLE_RATE)
    assert caught.getvalue()[:4] == b"RIFF"
    assert _signal_to_error_db(_notes(), load_audio(io.BytesIO(caught.getvalue()))) > 60
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
def test_an_interrupted_write_leaves_no_file_and_keeps_what_was_there(
    suffix: str, stop: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_audio(tmp_path / f"there{suffix}", _notes(), SAMPLE_RATE)
    before = (tmp_path / f"there{suffix}").read_bytes()

    class Interrupted(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
        def write(self, data: np.ndarray) -> None:
            super().write(data)
            raise stop

    monkeypatch.setattr(soundfile, "SoundFile", Interrupted)
    for name in ("there", "new"):
        with pytest.raises(KeyboardInterrupt if stop is KeyboardInterrupt else AudioError):
            write_audio(tmp_path / f"{name}{suffix}", _tone(440, SAMPLE_RATE), SAMPLE_RATE)
    assert [path.name for path in tmp_path.iterdir()] == [f"there{suffix}"]
    assert (tmp_path / f"there{suffix}").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "audio", "sample_rate", "says"),
    [
        ("a.aac", _notes(), SAMPLE_RATE, r"unknown format \.aac; use one of \.wav, \.flac, \.ogg, \.mp3"),
        ("a", _notes(), SAMPLE_RATE, r"neither a folder nor a file of a known format; make it, or use \.wav, \.flac"),
        ("a.mp3", _notes(), 96000, "MP3 has no rate of 96000 Hz"),
        ("a.flac", _notes(), 10_000_000, "cannot be written"),
        ("a.wav", _notes()[:0], SAMPLE_RATE, "no mono sound"),
        ("a.wav", np.zeros((10, 2)), SAMPLE_RATE, "no mono sound"),
        ("a.wav", np.array([0.0, np.nan]), SAMPLE_RATE, "no numbers"),
        ("file/a.wav", _notes(), SAMPLE_RATE, "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(
    name: str, audio: np.ndarray, sample_rate: int, says: str
) -> None:
    Path("file").touch()
    with pytest.raises(AudioError, match=says) as caught:
        write_audio(name, audio, sample_rate)
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)
    assert [path.name for path in Path.cwd().iterdir()] == ["file"]


def test_an_old_libsndfile_without_mp3_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfile, "available_formats", lambda: {"WAV": "", "OGG": "", "FLAC": ""})
    with pytest.raises(AudioError, match="cannot write it; update soundfile"):
        write_audio("a.mp3", _notes(), SAMPLE_RATE)
