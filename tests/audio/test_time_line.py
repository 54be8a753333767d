"""The time line of containers: gaps, late beginnings, links of chained files, tracks, rates that change."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from support.audio_files import SAMPLE_RATE, encode, notes, tone

from stylebox.core.audio.io.read import AudioReader, load_audio, probe
from stylebox.core.audio.io.write import write_audio

RATE = 48000
MILLISECOND = RATE // 1000


def mux(
    path: Path,
    audio: np.ndarray,
    codec: str = "libopus",
    *,
    keep: Callable[[int], bool] = lambda number: True,
    start_seconds: float = 0.0,
    film: bool = False,
    tracks: int = 1,
) -> Path:
    """Write packets of a sound into a container: only some of them, later, or beside a film that begins at 0."""
    with av.open(str(path), "w") as container:
        sounds = [container.add_stream(codec, rate=RATE, layout="mono") for _ in range(tracks)]
        if film:
            picture = container.add_stream("mpeg4", rate=10)
            picture.width = picture.height = 32
            picture.pix_fmt = "yuv420p"
            for _ in range(10):
                container.mux(picture.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
            container.mux(picture.encode(None))
        for number, sound in enumerate(sounds):
            assert isinstance(sound, av.AudioStream)
            frame = av.AudioFrame.from_ndarray((audio if number == 0 else 0 * audio)[None], "fltp", "mono")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = round(start_seconds * RATE)
            packets = [*sound.encode(frame), *sound.encode(None)]
            container.mux([packet for at, packet in enumerate(packets) if keep(at)])
    return path


def first_loud(audio: np.ndarray, level: float = 0.05) -> int:
    return int(np.argmax(np.abs(audio) > level))


def test_missing_packets_are_silence_and_later_notes_stay_where_they_were(tmp_path: Path) -> None:
    """Packets 50 to 99 of 20 ms are missing: second 1 to 2, 6.5 ms later for what Opus puts in front."""
    audio = tone(440, RATE, 3.0)
    audio[: round(2.5 * RATE)] *= 0.1
    path = mux(tmp_path / "a.mka", audio, keep=lambda number: not 50 <= number < 100)
    with AudioReader(path) as reader:
        back = np.concatenate(list(reader))[:, 0]
        assert reader.remarks == ["1.00 s of its time hold no sound; they are silent"]
    assert len(back) == len(audio) == probe(path).samples
    assert not back[round(1.02 * RATE) : round(1.97 * RATE)].any()
    assert np.abs(back[round(0.5 * RATE) : round(0.9 * RATE)]).max() > 0.04
    assert abs(first_loud(back, 0.2) - round(2.5 * RATE)) < 4 * MILLISECOND


def test_the_sound_of_a_film_begins_where_the_film_plays_it(tmp_path: Path) -> None:
    late = mux(tmp_path / "late.mkv", tone(440, RATE, 1.0), start_seconds=0.5, film=True)
    assert abs(first_loud(load_audio(late, RATE)) - RATE // 2) < 10 * MILLISECOND
    alone = mux(tmp_path / "alone.mka", tone(440, RATE, 1.0), start_seconds=0.5)
    assert first_loud(load_audio(alone, RATE)) < 10 * MILLISECOND, "without a film there is nothing to wait for"


def test_the_first_of_several_tracks_is_read_and_that_is_said(tmp_path: Path) -> None:
    path = mux(tmp_path / "two.mka", tone(440, RATE, 1.0), tracks=2)
    with AudioReader(path) as reader:
        assert np.abs(np.concatenate(list(reader))).max() > 0.3
        assert reader.remarks == ["it has 2 sound tracks; the first is used"]


def test_a_clock_that_jumps_by_hours_is_not_hours_of_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.mka"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        assert isinstance(sound, av.AudioStream)
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(np.full((1, 4800), 1000, np.int16), "s16", "mono")
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = number * 4800 + 30_000 * RATE * (number >= 10)
            container.mux(sound.encode(frame))
    assert len(load_audio(path, RATE)) == 20 * 4800


def test_joined_transport_streams_whose_clock_begins_again_lose_nothing(tmp_path: Path) -> None:
    single = mux(tmp_path / "a.ts", tone(440, RATE, 1.0), "mp2")
    joined = tmp_path / "b.ts"
    joined.write_bytes(2 * single.read_bytes())
    assert len(load_audio(joined, RATE)) == 2 * len(load_audio(single, RATE))


@pytest.mark.parametrize("suffix", [".ogg", ".opus"])
def test_a_chained_file_is_read_to_the_end_of_its_last_link(suffix: str, tmp_path: Path) -> None:
    first, second = notes(RATE, 1.0), notes(RATE, 2.0)[::-1].copy()
    for name, audio in (("first", first), ("second", second)):
        target = tmp_path / f"{name}{suffix}"
        write_audio(target, audio, RATE) if suffix == ".ogg" else mux(target, audio)
    path = tmp_path / f"both{suffix}"
    path.write_bytes(b"".join((tmp_path / f"{name}{suffix}").read_bytes() for name in ("first", "second")))
    back = load_audio(path, RATE)
    assert len(back) == len(first) + len(second) == probe(path).samples
    np.testing.assert_array_equal(back[: len(first)], load_audio(tmp_path / f"first{suffix}", RATE))
    np.testing.assert_array_equal(back[len(first) :], load_audio(tmp_path / f"second{suffix}", RATE))


def test_links_of_another_rate_and_other_channels_follow_the_first(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", tone(440, RATE), RATE, format="OGG")
    soundfile.write(tmp_path / "b.ogg", np.stack([tone(440, 22050)] * 2, 1), 22050, format="OGG")
    path = tmp_path / "both.ogg"
    path.write_bytes((tmp_path / "a.ogg").read_bytes() + (tmp_path / "b.ogg").read_bytes())
    with AudioReader(path) as reader:
        back = np.concatenate(list(reader))
    assert back.shape == (2 * RATE, 1)
    second = back[RATE + RATE // 4 : RATE + 3 * RATE // 4, 0]
    assert np.abs(np.fft.rfft(second)).argmax() / 0.5 == pytest.approx(440, abs=2)
    assert np.abs(second).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("sample_rate", [4000, 11025, 44100, 96000, 192000, 384000])
def test_any_rate_is_read_to_the_sample(sample_rate: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(400, sample_rate, 0.3), sample_rate, subtype="FLOAT")
    assert probe(tmp_path / "a.wav").samples == round(0.3 * sample_rate)
    native = round(0.3 * sample_rate)
    assert len(load_audio(tmp_path / "a.wav", SAMPLE_RATE)) == round(native * SAMPLE_RATE / sample_rate)


def test_an_mp4_has_the_length_of_its_packets(tmp_path: Path) -> None:
    """Its header counts in milliseconds."""
    for codec in ("aac", "alac"):
        path = encode(tmp_path / f"{codec}.m4a", codec, SAMPLE_RATE)
        assert len(load_audio(path, SAMPLE_RATE)) == probe(path).samples == len(notes())


@pytest.mark.parametrize(("codec", "rate", "mark"), [("amrnb", 8000, b"#!AMR\n"), ("amrwb", 16000, b"#!AMR-WB\n")])
def test_pauses_that_a_telephone_did_not_record_keep_their_length(
    codec: str, rate: int, mark: bytes, tmp_path: Path
) -> None:
    """100 frames of 20 ms with speech, 50 pauses, 100 frames with speech; FFmpeg decodes no pauses of AMR."""
    speech = {"amrnb": b"\x3c" + bytes(range(31)), "amrwb": b"\x44" + bytes(range(60))}[codec]
    comfort = {"amrnb": b"\x44" + bytes(5), "amrwb": b"\x4c" + bytes(5)}[codec]
    path = tmp_path / "a.amr"
    path.write_bytes(mark + 100 * speech + comfort + 49 * b"\x7c" + 100 * speech)
    with AudioReader(path) as reader:
        back = np.concatenate(list(reader))
        assert (reader.codec, reader.native_rate) == (codec, rate)
    assert len(back) == 5 * rate
    assert np.abs(back[: 2 * rate]).max() > 10 * np.abs(back[round(2.5 * rate) : 3 * rate]).max()
    path.write_bytes(path.read_bytes()[:-7])
    with AudioReader(path) as reader:
        assert len(np.concatenate(list(reader))) == 5 * rate - rate // 50, "a partial frame is no pause"
