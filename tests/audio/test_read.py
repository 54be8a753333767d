"""Reading sound files: channels, rates, samples, and every place that a sound can come from."""

import io
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
import soundfile
from support.audio_files import SAMPLE_RATE, loudest_hz, notes, tone

from stylebox.core.audio.io.read import AudioReader, load_audio, load_with_remarks, probe, resample
from stylebox.core.audio.io.write import write_audio
from stylebox.core.errors import AudioError, StyleboxError
from stylebox.core.music.midi.write import write_midi
from stylebox.core.music.notes import Note


def test_who_names_a_midi_file_reads_what_plays_it(tmp_path: Path) -> None:
    write_midi(tmp_path / "song.mid", [Note(0.0, 1.0, 60)])
    with pytest.raises(AudioError, match=r"song\.mid: is a MIDI file.*stylebox generate --notes"):
        load_audio(tmp_path / "song.mid", 8000)


def test_channels_are_mixed_by_their_mean(tmp_path: Path) -> None:
    left, right = tone(440, 44100), tone(660, 44100)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right, 0 * left], 1), 44100, subtype="FLOAT")
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav", 44100), (left + right) / 3, atol=1e-6)
    assert probe(tmp_path / "a.wav").channels == 3


@pytest.mark.parametrize(("channels", "layout"), [(8, "7.1"), (16, "hexadecagonal")])
def test_many_channels_are_read_by_ffmpeg(channels: int, layout: str, tmp_path: Path) -> None:
    """PyAV counts the planes of such frames wrongly, and reads beyond them."""
    audio = np.linspace(0.1, 0.8, channels, dtype=np.float32) * tone(440, 44100)[:, None]
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio.reshape(1, -1)), "flt", layout)
    frame.sample_rate = 44100
    with av.open(str(tmp_path / "a.mka"), "w") as container:
        track = container.add_stream("pcm_f32le", rate=44100, layout=layout)
        container.mux([*track.encode(frame), *track.encode(None)])
    for _ in range(20):
        np.testing.assert_allclose(load_audio(tmp_path / "a.mka", 44100), audio.mean(1), atol=1e-6)
    assert probe(tmp_path / "a.mka").channels == channels


@pytest.mark.parametrize("native_rate", [8000, 11025, 44100, 48000, 96000])
def test_a_tone_keeps_pitch_level_and_time(native_rate: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(1000, native_rate), native_rate, subtype="FLOAT")
    audio = load_audio(tmp_path / "a.wav")
    assert len(audio) == SAMPLE_RATE
    assert loudest_hz(audio, SAMPLE_RATE) == pytest.approx(1000, abs=0.05)
    inside = slice(1000, -1000)
    np.testing.assert_allclose(audio[inside], tone(1000, SAMPLE_RATE)[inside], atol=2e-3)


def test_a_tone_above_half_the_rate_dies_and_one_below_lives(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(30000, 96000) + tone(19000, 96000), 96000, subtype="FLOAT")
    audio = load_audio(tmp_path / "a.wav")[10000:32050]
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) / len(audio) * 4
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
    assert spectrum[np.abs(hz - 19000) < 5].max() == pytest.approx(0.5, rel=0.02)
    assert spectrum[np.abs(hz - 19000) > 50].max() < 0.5 * 10 ** (-80 / 20)


@pytest.mark.parametrize("num_samples", [1, 2, 100, 65536, 65537, 200_001])
def test_the_length_is_the_rounded_ratio(num_samples: int) -> None:
    audio = tone(100, 44100, 5.0)[:num_samples]
    assert len(resample(audio, 44100, 22050)) == max(1, round(num_samples / 2))
    assert len(resample(audio, 44100, 48000)) == round(num_samples * 48000 / 44100)
    np.testing.assert_array_equal(resample(audio, 44100, 44100), audio)


def test_a_long_file_resampled_in_blocks_equals_one_resampled_whole(tmp_path: Path) -> None:
    audio = np.tile(notes(48000), 3)
    soundfile.write(tmp_path / "a.wav", audio, 48000, subtype="FLOAT")
    np.testing.assert_allclose(load_audio(tmp_path / "a.wav"), resample(audio, 48000, SAMPLE_RATE), atol=1e-6)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("format", ["WAV", "W64", "AIFF", "AU", "CAF", "RF64"])
def test_the_description_of_a_float_file_names_samples_that_are_no_numbers(format: str, subtype: str) -> None:
    audio = np.full((10_000, 2), 0.25)
    audio[100, 0], audio[9_999, 1] = np.nan, np.inf
    soundfile.write("a.sound", audio, SAMPLE_RATE, format=format, subtype=subtype)
    found = probe("a.sound")
    assert found.samples == len(audio)
    assert found.remarks == ("2 of its samples are no numbers; they are silent",)


def test_a_file_of_whole_numbers_is_described_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write("a.wav", np.zeros(10_000), SAMPLE_RATE, subtype="PCM_24")
    monkeypatch.setattr(AudioReader, "__iter__", lambda reader: pytest.fail("it was decoded"))
    assert probe("a.wav").samples == 10_000


def test_a_few_broken_samples_become_silence_and_many_are_refused(tmp_path: Path) -> None:
    audio = tone(440, SAMPLE_RATE)
    audio[[100, 2000, 3000]] = np.nan, np.inf, 1e30
    soundfile.write(tmp_path / "scratched.wav", audio, SAMPLE_RATE, subtype="FLOAT")
    wanted = tone(440, SAMPLE_RATE)
    wanted[[100, 2000, 3000]] = 0
    back, remarks = load_with_remarks(tmp_path / "scratched.wav")
    np.testing.assert_array_equal(back, wanted)
    assert remarks == ["3 of its samples are no numbers; they are silent"]
    assert np.isfinite(load_audio(tmp_path / "scratched.wav", 48000)).all()
    audio[:10_000] = np.nan
    soundfile.write(tmp_path / "broken.wav", audio, SAMPLE_RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"broken\.wav: 23% of its samples are no numbers"):
        load_audio(tmp_path / "broken.wav")


def test_a_file_object_is_read_from_its_beginning(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.ogg", notes(), SAMPLE_RATE)
    wanted = load_audio(tmp_path / "a.ogg")
    with (tmp_path / "a.ogg").open("rb") as file:
        file.seek(33)
        np.testing.assert_array_equal(load_audio(file), wanted)
        np.testing.assert_array_equal(load_audio(file), wanted)
    np.testing.assert_array_equal(load_audio(io.BytesIO((tmp_path / "a.ogg").read_bytes())), wanted)


@pytest.mark.parametrize("suffix", [".wav", ".mp3"])
def test_standard_input_and_pipes(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_audio(tmp_path / f"a{suffix}", notes(), SAMPLE_RATE)
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
    with pytest.raises(StyleboxError, match="standard input: is a terminal"):
        load_audio("-")
