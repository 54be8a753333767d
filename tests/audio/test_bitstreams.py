"""Dolby Digital and DTS in WAV files, as digital outputs and CDs carry them in the place of samples."""

import io
import wave
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from support.audio_files import notes

from stylebox.core.audio.io.containers.bitstreams import is_bitstream
from stylebox.core.audio.io.read import AudioReader, probe
from stylebox.core.errors import AudioError

RATE = 48000


def dolby_digital() -> bytes:
    """Two seconds of notes, as a digital output sends them: words of 16 bits."""
    packed = io.BytesIO()
    with av.open(packed, "w", format="spdif") as container:
        sound = container.add_stream("ac3", rate=RATE, layout="stereo")
        assert isinstance(sound, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.stack([notes(RATE)] * 2), "fltp", "stereo")
        frame.sample_rate, frame.pts = RATE, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return packed.getvalue()


def wav(path: Path, words: bytes) -> None:
    """A WAV file of two channels and 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        file.writeframes(words)


def test_dolby_digital_in_the_place_of_samples_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "recorded.wav"
    wav(path, dolby_digital())
    with AudioReader(path) as reader:
        back = np.concatenate(list(reader))[:, 0]
    assert (reader.codec, reader.bits) == ("ac3", 0)
    assert probe(path).samples == len(back)
    wanted = notes(RATE)
    delay = int(np.argmax(np.correlate(back[:RATE], wanted[: RATE // 2], "valid")))
    assert delay < 1024  # of the encoder
    error = back[delay : delay + len(wanted)] - wanted[: len(back) - delay]
    assert np.mean(error**2) < 0.01 * np.mean(wanted**2)


@pytest.mark.parametrize("sync", [b"\xfe\x7f\x01\x80\x3c\xfc", b"\xff\x1f\x00\xe8\xf1\x07"])
def test_dts_is_none_of_samples_either(sync: bytes, tmp_path: Path) -> None:
    """As CDs have it, in words of 16 or 14 bits; only its beginning counts here."""
    wav(tmp_path / "cd.wav", 10 * (sync + bytes(2042)))
    with (tmp_path / "cd.wav").open("rb") as stream:
        assert is_bitstream(stream)


@pytest.mark.parametrize("format", ["FLAC", "AIFF", "CAF"])
def test_where_ffmpeg_does_not_search_for_them_one_line_says_so(format: str, tmp_path: Path) -> None:
    words = np.frombuffer(dolby_digital(), "<i2").reshape(-1, 2)
    soundfile.write(tmp_path / "a.sound", words, RATE, format=format, subtype="PCM_16")
    with pytest.raises(AudioError, match=r"^.*a\.sound: holds Dolby Digital or DTS .*; save it as WAV"):
        probe(tmp_path / "a.sound")


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(".m4a", "alac"), (".wv", "wavpack"), (".tta", "tta"), (".mka", "pcm_s16le"), (".caf", "alac")],
)
def test_so_it_is_in_what_ffmpeg_decodes(suffix: str, codec: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    for words, is_refused in ((dolby_digital(), True), (np.round(notes(RATE) * 32767).astype("<i2").tobytes(), False)):
        with av.open(str(path), "w") as container:
            sound = container.add_stream(codec, rate=RATE, layout="stereo")
            assert isinstance(sound, av.AudioStream)
            sound.codec_context.format = "s16p" if codec in ("alac", "wavpack") else "s16"
            samples = np.frombuffer(words[: len(words) // 4 * 4], "<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, "s16", "stereo")
            frame.sample_rate, frame.pts = RATE, 0
            converter = av.AudioResampler(format="s16p" if codec in ("alac", "wavpack") else "s16")
            for converted in converter.resample(frame):
                container.mux(sound.encode(converted))
            container.mux(sound.encode(None))
        if is_refused:
            with pytest.raises(AudioError, match="holds Dolby Digital or DTS"):
                probe(path)
        else:
            assert probe(path).samples == len(words) // 4


def test_loud_samples_of_opposite_channels_are_samples(tmp_path: Path) -> None:
    """Full scale and its opposite are the sync word of DTS."""
    wave = np.round(32767 * np.sin(2 * np.pi * 55 * np.arange(4 * RATE) / RATE)).astype(np.int16)
    clipped = np.clip(wave * 1.5, -32767, 32766).astype(np.int16)
    both = np.stack([clipped, -clipped - 1 + (clipped != 32766)], 1).astype(np.int16)
    assert both.tobytes().count(b"\xfe\x7f\x01\x80") > 100
    for format in ("WAV", "FLAC"):
        soundfile.write(tmp_path / "a.sound", both, RATE, format=format)
        assert probe(tmp_path / "a.sound").codec in ("pcm_16", "flac")


def test_samples_are_samples(tmp_path: Path) -> None:
    loud = np.random.default_rng(0).integers(-32768, 32767, (100_000, 2), dtype=np.int16)
    for at in (5, 200, 999, 5000):  # by chance
        loud[at] = np.frombuffer(b"\x72\xf8\x1f\x4e", "<i2")
    soundfile.write(tmp_path / "noise.wav", loud, RATE)
    with (tmp_path / "noise.wav").open("rb") as stream:
        stream.seek(7)
        assert not is_bitstream(stream)
        assert stream.tell() == 7
    with AudioReader(tmp_path / "noise.wav") as reader:
        assert np.array_equal(np.round(np.concatenate(list(reader)) * 32768), loud)
