"""Writing sound files: every format there and back, nothing half written."""

import io
import os
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from support.audio_files import SAMPLE_RATE, SUFFIXES, encode, notes, rate_of, signal_to_error_db, tone

from stylebox.core.audio.io import encode as encode_module
from stylebox.core.audio.io import encode_ffmpeg
from stylebox.core.audio.io.containers.ogg import checksum, set_plain_serial
from stylebox.core.audio.io.read import load_audio, probe
from stylebox.core.audio.io.write import check_format, encode_audio, write_audio
from stylebox.core.errors import AudioError, StyleboxError


@pytest.mark.parametrize(
    ("name", "at_least_db"), [("a.wav", 60), ("a.flac", 60), ("a.ogg", 20), ("a.mp3", 20), ("a.m4a", 20), ("a.WAV", 60)]
)
@pytest.mark.parametrize("sample_rate", [22050, 44100])
def test_what_is_written_reads_back_in_place(name: str, at_least_db: float, sample_rate: int) -> None:
    audio = notes(sample_rate)
    assert write_audio(name, audio, sample_rate) == 0.0
    back = load_audio(name, sample_rate)
    assert back.dtype == np.float32
    assert signal_to_error_db(audio, back) > at_least_db
    info = probe(name)
    assert (info.sample_rate, info.channels) == (sample_rate, 1)
    assert info.seconds == pytest.approx(len(audio) / sample_rate, abs=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_sound_gives_equal_bytes(suffix: str, tmp_path: Path) -> None:
    """Not by chance: libsndfile draws a new serial number for each Ogg stream."""
    for name in ("a", "b"):
        write_audio(tmp_path / f"{name}{suffix}", notes(), rate_of(suffix))
    content = (tmp_path / f"a{suffix}").read_bytes()
    assert content == (tmp_path / f"b{suffix}").read_bytes() == encode_audio(notes(), rate_of(suffix), suffix)


def test_a_pages_checksum_is_the_one_its_encoder_wrote() -> None:
    drawn = io.BytesIO()
    soundfile.write(drawn, notes(), SAMPLE_RATE, format="OGG", subtype="VORBIS")
    page = bytearray(drawn.getvalue()[: drawn.getvalue().index(b"OggS", 4)])
    (written,) = struct.unpack_from("<I", page, 22)
    page[22:26] = bytes(4)
    assert checksum(bytes(page)) == written
    plain = io.BytesIO(drawn.getvalue() + b"a tag behind")
    set_plain_serial(plain)
    once = plain.getvalue()
    assert len(once) == len(drawn.getvalue()) + 12
    assert once != drawn.getvalue() + b"a tag behind"
    set_plain_serial(plain)
    assert plain.getvalue() == once


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_over_a_minute_is_written_in_blocks(suffix: str, tmp_path: Path) -> None:
    audio = np.tile(notes(8000, 5.0), 15)
    write_audio(tmp_path / f"long{suffix}", audio, 8000)
    assert signal_to_error_db(audio, load_audio(tmp_path / f"long{suffix}", 8000)) > 15


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
    path = encode(tmp_path / name, codec, sample_rate, video)
    audio, wanted = load_audio(path, sample_rate), notes(sample_rate)
    assert abs(len(audio) - len(wanted)) <= (sample_rate // 1000 if codec == "aac" else 0), "MP4 counts in ms"
    wanted = wanted[: len(audio)]
    assert np.corrcoef(audio, wanted)[0, 1] > 0.99
    info = probe(path)
    assert info.sample_rate == sample_rate
    assert info.seconds == pytest.approx(len(wanted) / sample_rate, abs=0.03)


@pytest.mark.parametrize("suffix", [".aiff", ".au", ".caf", ".w64", ".voc"])
def test_lesser_known_formats_come_in(suffix: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / f"a{suffix}", notes(), SAMPLE_RATE, subtype="PCM_16")
    assert signal_to_error_db(notes(), load_audio(tmp_path / f"a{suffix}")) > 60


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("disguise", ["take.raw", "take.mp3", "take.txt", "take"])
def test_suffixes_are_not_trusted(suffix: str, disguise: str, tmp_path: Path) -> None:
    write_audio(tmp_path / f"plain{suffix}", notes(), rate_of(suffix))
    wanted = load_audio(tmp_path / f"plain{suffix}")
    (tmp_path / f"plain{suffix}").rename(tmp_path / disguise)
    np.testing.assert_array_equal(load_audio(tmp_path / disguise), wanted)


def test_mp3_decodes_the_same_in_blocks_and_whole(tmp_path: Path) -> None:
    """In blocks, libsndfile restarts its MP3 decoder at each: there the error is as large as the signal."""
    t = np.arange(3 * 44100) / 44100
    audio = tone(440, 44100, 3.0) + tone(3000, 44100, 3.0, 0.3) * (t % 1 < 0.2)
    write_audio(tmp_path / "a.mp3", audio, 44100)
    whole, _ = soundfile.read(tmp_path / "a.mp3", dtype="float32")
    np.testing.assert_allclose(load_audio(tmp_path / "a.mp3", 44100), whole, atol=1e-4)


@pytest.mark.parametrize("num_samples", [1, 2, 5, 20, 100, 1025, 1026, 1500, 2049, 11025, 22050, 44033])
def test_sounds_keep_their_length(num_samples: int) -> None:
    """Also where the last packet of AAC, of 1024 samples, holds one or two."""
    for suffix in SUFFIXES:
        write_audio(f"a{suffix}", notes()[:num_samples], rate_of(suffix))
        assert len(load_audio(f"a{suffix}", rate_of(suffix))) == num_samples


def test_a_short_mp3_is_no_film(tmp_path: Path) -> None:
    """FFmpeg takes one of these for H.263."""
    for seed in range(3):
        noise = np.random.default_rng(seed).uniform(-0.5, 0.5, 1023).astype(np.float32)
        write_audio(tmp_path / "a.mp3", noise, SAMPLE_RATE)
        assert len(load_audio(tmp_path / "a.mp3", SAMPLE_RATE)) == 1023


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_would_clip_is_turned_down_as_a_whole(suffix: str, tmp_path: Path) -> None:
    rate = rate_of(suffix)
    loud = 4 * tone(440, rate)
    turned_down_db = write_audio(tmp_path / f"a{suffix}", loud, rate)
    assert turned_down_db == pytest.approx(20 * np.log10(2) + 0.1, abs=0.01)
    back = load_audio(tmp_path / f"a{suffix}", rate)[2000:-2000]
    wanted = loud[2000:-2000] * 10 ** (-turned_down_db / 20)
    assert signal_to_error_db(wanted, back) > (20 if suffix == ".m4a" else 30)
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
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=caught, isatty=lambda: False))
    write_audio("-", notes(), SAMPLE_RATE)
    assert caught.getvalue()[:4] == b"RIFF"
    assert signal_to_error_db(notes(), load_audio(io.BytesIO(caught.getvalue()))) > 60
    assert not list(Path.cwd().iterdir())


def test_a_terminal_gets_no_wav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(StyleboxError, match="standard output: is a terminal; redirect it to a file or name a file"):
        check_format("-")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError])
def test_an_interrupted_write_leaves_no_file_and_keeps_what_was_there(
    suffix: str, stop: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_audio(tmp_path / f"there{suffix}", notes(), rate_of(suffix))
    before = (tmp_path / f"there{suffix}").read_bytes()

    def interrupted(*_: object) -> None:
        raise stop

    monkeypatch.setattr(encode_module, "quantised", interrupted)
    monkeypatch.setattr(np, "clip", interrupted)
    for name in ("there", "new"):
        with pytest.raises(KeyboardInterrupt if stop is KeyboardInterrupt else AudioError):
            write_audio(tmp_path / f"{name}{suffix}", tone(440, SAMPLE_RATE), rate_of(suffix))
    assert [path.name for path in tmp_path.iterdir()] == [f"there{suffix}"]
    assert (tmp_path / f"there{suffix}").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "audio", "sample_rate", "says"),
    [
        ("a.aac", notes(), SAMPLE_RATE, r"unknown format \.aac; use one of \.wav, \.flac, \.ogg, \.mp3"),
        ("a", notes(), SAMPLE_RATE, r"neither a folder nor a file of a known format; make it, or use \.wav, \.flac"),
        ("a.mp3", notes(), 96000, "MP3 has no rate of 96000 Hz"),
        ("a.opus", notes(), 44100, "Opus has no rate of 44100 Hz; use .wav or 48000"),
        ("a.ogg", notes(), 384_000, "Ogg Vorbis has no rate of 384000 Hz; use .wav or at most 192000"),  # it crashed
        ("a.m4a", np.zeros((9, 3)), 44100, "m4a holds at most 2 channels, not 3"),
        ("a.flac", notes(), 10_000_000, "FLAC has no rate of 10000000 Hz; use .wav or at most 655350"),
        ("a.wav", notes()[:0], SAMPLE_RATE, "no sound to write"),
        ("a.wav", np.array([0.0, np.nan]), SAMPLE_RATE, "no numbers"),
        ("file/a.wav", notes(), SAMPLE_RATE, "cannot be written"),
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


def test_an_ffmpeg_without_opus_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the one of some Linux distributions, for which PyAV was compiled."""
    monkeypatch.setitem(encode_ffmpeg.CODECS, ".opus", encode_ffmpeg.Codec("libmissing", "ogg", "flt", 1))
    with pytest.raises(AudioError, match="has no encoder for Opus; install the wheel of PyAV"):
        write_audio("a.opus", notes(), 48000)


def test_an_old_libsndfile_without_mp3_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfile, "available_formats", lambda: {"WAV": "", "OGG": "", "FLAC": ""})
    with pytest.raises(AudioError, match="cannot write it; update soundfile"):
        write_audio("a.mp3", notes(), SAMPLE_RATE)


def test_what_a_killed_process_left_goes_with_the_next_writing_and_what_a_living_one_writes_stays(
    tmp_path: Path,
) -> None:
    target = tmp_path / "a[1].wav"
    program = (
        "import sys, time; from stylebox.core.audio.io.write import AudioWriter\n"
        "with AudioWriter(sys.argv[1], 8000): print(flush=True); time.sleep(99)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE) as writing:
        assert writing.stdout is not None
        writing.stdout.readline()
        (partial,) = tmp_path.iterdir()
        write_audio(target, notes(seconds=0.1), SAMPLE_RATE)
        assert set(tmp_path.iterdir()) == {target, partial}, "its process lives"
        writing.kill()
    other = tmp_path / f".a[1].b.{os.getpid()}.part.wav"
    other.touch()
    write_audio(target, notes(seconds=0.1), SAMPLE_RATE)
    assert set(tmp_path.iterdir()) == {target, other}, "files of other names stay"
