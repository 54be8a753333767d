"""The side outputs of a transfer: tones where they belong in the picture, files written whole."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.transfers import AFTER, BEFORE, RATE, shown, tone, transferred

from stylebox.core.errors import StyleboxError
from stylebox.core.jobs.outputs import RecordingPage, SideOutputs, write_notes, write_plot
from stylebox.core.jobs.shown_sound import show
from stylebox.core.jobs.spectrogram_image import (
    FLOOR_DB,
    LOWEST_HZ,
    MOST_COLUMNS,
    ROWS,
    SpectrogramMeter,
    png,
    spectrogram,
    spectrograms,
)
from stylebox.core.music.midi.read import read_midi


@pytest.mark.parametrize("hz", [55.0, 440.0, 1000.0, 8000.0])
def test_a_tone_is_where_and_as_loud_as_it_is(hz: float) -> None:
    audio = np.concatenate([np.zeros(RATE, np.float32), tone(hz), np.zeros(RATE, np.float32)])
    levels, step_seconds = spectrogram(audio, RATE)
    assert levels.shape == (ROWS, round(3 / step_seconds) + 1)
    row, column = np.unravel_index(levels.argmax(), levels.shape)
    top, bottom = (LOWEST_HZ * (RATE / 2 / LOWEST_HZ) ** ((row + edge) / ROWS) for edge in (1, 0))
    assert bottom - RATE / 8192 <= hz <= top + RATE / 8192
    assert 1.0 < column * step_seconds < 2.0
    assert levels.max() == pytest.approx(-6.0, abs=1.5)  # a tone between two bins loses 1.4 dB
    assert levels[:, : int(0.8 / step_seconds)].max() == FLOOR_DB


def test_a_long_recording_makes_no_wider_picture_and_loses_no_click() -> None:
    audio = np.zeros(RATE * 50, np.float32)
    audio[RATE * 25] = 1.0
    levels, step_seconds = spectrogram(audio, RATE)
    assert MOST_COLUMNS / 2 <= levels.shape[1] <= MOST_COLUMNS
    assert levels.max(axis=0).argmax() * step_seconds == pytest.approx(25.0, abs=0.2)


@pytest.mark.parametrize("seconds", [0.0, 0.1, 13.7, 47.0])
def test_blocks_of_any_size_give_the_spectrogram_of_the_whole(seconds: float) -> None:
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((round(seconds * RATE), 2)).astype(np.float32)
    meter, at = SpectrogramMeter(len(audio), RATE), 0
    while at < len(audio):
        stop = at + int(rng.integers(0, RATE))
        np.testing.assert_array_equal(meter.add(audio[at:stop]), audio[at:stop])
        at = stop
    levels, step_seconds = meter.levels()
    whole, expected_step = spectrogram(audio, RATE)
    np.testing.assert_array_equal(levels, whole)
    assert step_seconds == expected_step


def test_a_file_for_a_page_that_would_clip_is_turned_down() -> None:
    """The sound is read again for it; its spectrogram is that of the sound."""
    reads = 0

    def blocks() -> list[np.ndarray]:
        nonlocal reads
        reads += 1
        return [2 * tone(440, 0.5)[:, None], 4 * tone(440, 0.5)[:, None]]

    sound = show(blocks, RATE, RATE, 1, ".flac")
    made = soundfile.read(io.BytesIO(sound.file))[0]
    assert np.abs(made).max() == pytest.approx(10 ** (-0.1 / 20), abs=1e-3)
    assert np.abs(made[: RATE // 2]).max() == pytest.approx(np.abs(made).max() / 2, rel=1e-3)
    assert sound.levels.max() > 0
    assert reads == 2
    reads = 0
    assert not show(blocks, RATE, RATE, 1).file
    assert reads == 1


def test_the_picture_says_its_units() -> None:
    figure = spectrograms((tone(440, 1.5), tone(880)), RATE, ("in: a$b$.wav", "out: \u7434"))
    upper, lower = figure.axes[:2]
    assert lower.get_xlabel() == "time in seconds"
    assert {upper.get_ylabel(), lower.get_ylabel()} == {"frequency in Hz"}
    assert [label.get_text() for label in upper.get_yticklabels()][:2] == ["50", "100"]
    assert upper.get_xlim() == lower.get_xlim() == (0.0, 1.5)
    assert upper.images[0].get_clim() == lower.images[0].get_clim()
    drawn = png(figure)
    assert drawn.startswith(b"\x89PNG")
    assert png(spectrograms((np.zeros(10, np.float32), np.zeros(1, np.float32)), RATE, ("silent", "too"))) != drawn


def test_extras_are_written_whole_and_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name
        sounds = shown(BEFORE, ".flac"), shown(AFTER, ".flac")
        write_notes(folder / "n.mid", transferred())
        write_plot(folder / "p.png", *sounds, "piano.wav", "harp")
        page = RecordingPage(folder / "r.html", "piano.wav")
        page.add(transferred(), *sounds)
        assert page.write()
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert sorted(one) == ["n.mid", "p.png", "r.html"]
    assert one == two
    assert [note.pitch for note in read_midi(tmp_path / "one" / "n.mid").notes] == [60, 61]
    assert not RecordingPage(tmp_path / "none.html", "piano.wav").write()


def test_a_wrong_suffix_is_said_before_any_work() -> None:
    SideOutputs(Path("a.MID"), Path("a.png"), Path("a.htm")).check()
    for wrong in (SideOutputs(midi=Path("a.wav")), SideOutputs(plot=Path("a.gif")), SideOutputs(report=Path("a"))):
        with pytest.raises(StyleboxError, match="end its name with"):
            wrong.check()
    assert SideOutputs(plot=Path("plots")).within("a-harp").paths() == [Path("plots/a-harp.png")]
