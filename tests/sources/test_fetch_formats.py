"""Fetched files keep their format, or are cut and converted, without the FFmpeg program."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.fetching import QUICK, catalogue, encoded, states, vorbis, wav
from support.recordings import SAMPLE_RATE
from support.sound_server import SoundServer

from stylebox.core.audio.io.read import load_audio, probe
from stylebox.core.data.build import build
from stylebox.core.data.dataset import Dataset
from stylebox.core.sources.fetch.excerpt import write_excerpt
from stylebox.core.sources.fetch.fetch import fetch
from stylebox.core.sources.sidecar import read_sidecar

FORMATS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "wav": ("audio/x-wav", wav),
    "mp3": ("audio/mpeg", lambda: encoded("mp3", "mp3", 44100)),
    "ogg": ("application/ogg", vorbis),
    "opus": ("audio/ogg", lambda: encoded("libopus", "ogg")),
    "m4a": ("audio/mp4", lambda: encoded("aac", "ipod")),
    "webm": ("video/webm", lambda: encoded("libopus", "webm")),
}


def test_every_format_is_kept_decoded_and_built_without_ffmpeg(
    server: SoundServer, to: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    contents = {suffix: make() for suffix, (_, make) in FORMATS.items()}
    rows = [
        ("piano", suffix, server.add(f"/file.{suffix}", contents[suffix], kind), "", "")
        for suffix, (kind, _) in FORMATS.items()
    ]
    rows.append(("piano", "unnamed", server.add("/media?id=7", contents["m4a"], "application/octet-stream"), "", ""))
    report = fetch(catalogue(*rows), to, options=QUICK)
    assert report.failures == []
    for suffix, content in contents.items():
        path = to / "piano" / f"{suffix}.{suffix}"
        assert path.read_bytes() == content
        assert len(load_audio(path)) == pytest.approx(1.5 * SAMPLE_RATE, rel=0.05)
    assert (to / "piano" / "unnamed.m4a").read_bytes() == contents["m4a"]
    (to / "piano" / "unnamed.m4a").unlink()
    built = build(to, tmp_path / "dataset", jobs=1)
    assert built.broken == ()
    recordings = Dataset.open(tmp_path / "dataset").recordings
    assert len({recording.source for recording in recordings}) == len(FORMATS)
    assert all(recording.url for recording in recordings)


@pytest.mark.parametrize("codec", ["flac", "wav", "mp3"])
def test_recordings_are_converted_without_ffmpeg(
    server: SoundServer, to: Path, monkeypatch: pytest.MonkeyPatch, codec: str
) -> None:
    monkeypatch.setenv("PATH", "")
    original = wav(seconds=2, channels=2, rate=44100)
    rows = catalogue(
        ("piano", "webm", server.add("/a.webm", encoded("libopus", "webm"), "audio/webm"), "", ""),
        ("piano", "wav", server.add("/a.wav", original), "", ""),
    )
    report = fetch(rows, to, codec=codec, options=QUICK)
    assert states(report) == ["new", "new"]
    assert {path.suffix for path in (to / "piano").iterdir()} == {f".{codec}", ".json"}
    info = probe(to / "piano" / f"wav.{codec}")
    assert (info.sample_rate, info.channels) == (44100, 2)
    assert info.seconds == pytest.approx(2, abs=0.06)
    if codec == "wav":
        assert (to / "piano" / "wav.wav").read_bytes() == original  # no conversion needed
    if codec == "flac":
        kept, _ = soundfile.read(to / "piano" / "wav.flac", dtype="int16")
        np.testing.assert_array_equal(kept, soundfile.read(io.BytesIO(original), dtype="int16")[0])


def test_what_a_format_cannot_hold_is_said(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "dsd.wav", np.zeros((70_560, 1)), 705_600)
    soundfile.write(tmp_path / "many.wav", np.full((4410, 9), 0.1), 44_100)
    for name, suffix, said, rate in (
        ("dsd", "flac", "not kept: 705600 Hz (FLAC: 655350 Hz)", 655_350),
        ("dsd", "mp3", "not kept: 705600 Hz (MP3: 48000 Hz)", 48_000),
        ("many", "flac", "not kept: 9 channels (FLAC holds 8; folded to mono)", 44_100),
    ):
        target = tmp_path / f"{name}.{suffix}"
        assert write_excerpt(tmp_path / f"{name}.wav", target) == (0.1, [said])
        assert (probe(target).sample_rate, probe(target).channels) == (rate, 1)
    assert write_excerpt(tmp_path / "many.wav", tmp_path / "kept.wav") == (0.1, [])


def test_times_that_a_spreadsheet_took_for_hours_are_said(server: SoundServer, to: Path) -> None:
    """It makes 01:30:00 of 1:30, and 00:02:00 of 0:02."""
    url = server.add("/a.wav", wav(seconds=4, channels=1))
    times = (("00:02:00", ""), ("0:01", "00:02:00"), ("", "4.5"))
    rows = [("piano", title, url, *time) for title, time in zip("abc", times, strict=True)]
    report = fetch(catalogue(*rows), to, options=QUICK)
    assert states(report) == ["failed", "new", "new"]
    why = "120 s is beyond its end, it lasts 4.0 s; if a spreadsheet made it of 0:02, write 2"
    reasons = [outcome.reason for outcome in report.outcomes]
    assert f"column start: {why}" in reasons[0]
    assert f"column end: {why}" in reasons[1]
    assert not reasons[2]


def test_an_excerpt_is_cut_to_the_sample(server: SoundServer, to: Path) -> None:
    content = wav(seconds=4, channels=2)
    url = server.add("/a.wav", content)
    rows = [
        ("piano", "middle", url, "0:01", "2.5"),
        ("piano", "rest", url, "3", ""),
        ("piano", "all", url, "", ""),
        ("piano", "beyond", url, "1:00", ""),
        ("piano", "middle", url, "1", "2.5"),
    ]
    report = fetch(catalogue(*rows), to, options=QUICK)
    assert states(report) == ["new", "new", "new", "failed", "skipped"]
    assert "column start: 60 s is beyond its end, it lasts 4.0 s" in report.outcomes[3].reason
    assert report.outcomes[4].reason == "same as row 2"
    assert len(server.requests) == 2  # one request for the headers and one download for all of them
    whole, _ = soundfile.read(io.BytesIO(content), dtype="int16")
    middle, _ = soundfile.read(to / "piano" / "middle.flac", dtype="int16")
    np.testing.assert_array_equal(middle, whole[SAMPLE_RATE : round(2.5 * SAMPLE_RATE)])
    rest, _ = soundfile.read(to / "piano" / "rest.flac", dtype="int16")
    np.testing.assert_array_equal(rest, whole[3 * SAMPLE_RATE :])
    assert (to / "piano" / "all.wav").read_bytes() == content
    sidecar = read_sidecar(to / "piano" / "middle.flac")
    assert sidecar is not None
    assert (sidecar.start, sidecar.end, sidecar.duration_seconds) == (1.0, 2.5, 1.5)


def test_an_excerpt_tells_of_samples_that_are_no_numbers_or_are_clipped(server: SoundServer, to: Path) -> None:
    """A download that is kept as it is tells of them as it is used."""
    urls = []
    for name, sample, count in (("few", np.nan, 1), ("all", np.nan, 2 * SAMPLE_RATE), ("loud", 4.0, SAMPLE_RATE)):
        sound, content = np.full(2 * SAMPLE_RATE, 0.1, np.float32), io.BytesIO()
        sound[:count] = sample
        soundfile.write(content, sound, SAMPLE_RATE, "FLOAT", format="WAV")
        urls.append(server.add(f"/{name}.wav", content.getvalue()))
    rows = [("piano", f"{number}", url, "0", "1") for number, url in enumerate(urls)]
    report = fetch(catalogue(*rows), to, options=QUICK)
    assert states(report) == ["new", "failed", "new"]
    few, every, loud = (outcome.reason for outcome in report.outcomes)
    assert few == "1 of its samples is no number; it is silent"
    assert "100% of its samples are no numbers" in every
    assert loud == "its peaks are 12.1 dB too loud for the format; they are clipped"
