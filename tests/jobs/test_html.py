"""The side outputs of a transfer: tones where they belong in the picture, a page without links to other files."""

import base64
import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stylebox.core.errors import StyleboxError
from stylebox.core.jobs.html import report_page
from stylebox.core.jobs.outputs import SideOutputs, write_side_outputs
from stylebox.core.jobs.spectrogram_image import FLOOR_DB, LOWEST_HZ, MOST_COLUMNS, ROWS, png, spectrogram, spectrograms
from stylebox.core.music.midi.read import read_midi
from stylebox.core.music.notes import Note
from stylebox.core.pipeline.options import Settings
from stylebox.core.pipeline.result import TransferResult

RATE = 44100


def tone(hz: float, seconds: float = 1.0, height: float = 0.5) -> np.ndarray:
    return (height * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


BEFORE = tone(440, 1.5)


def transferred(notes: int = 2, warnings: tuple[str, ...] = ()) -> TransferResult:
    played = [Note(0.25 * i, 0.25 * i + 0.2, 60 + i) for i in range(notes)]
    settings = Settings(
        style="harp",
        seed=42,
        transpose=-12,
        into_register=False,
        steps=12,
        guidance=1.3,
        strength=0.5,
        vocoder="neural",
        follow=1.0,
        bend=0.5,
        vibrato=1.0,
    )
    return TransferResult(tone(880), RATE, played, settings, "base", list(warnings))


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


def test_the_picture_says_its_units() -> None:
    figure = spectrograms(tone(440, 1.5), tone(880), RATE, ("in: a$b$.wav", "out: \u7434"))
    upper, lower = figure.axes[:2]
    assert lower.get_xlabel() == "time in seconds"
    assert {upper.get_ylabel(), lower.get_ylabel()} == {"frequency in Hz"}
    assert [label.get_text() for label in upper.get_yticklabels()][:2] == ["50", "100"]
    assert upper.get_xlim() == lower.get_xlim() == (0.0, 1.5)
    assert upper.images[0].get_clim() == lower.images[0].get_clim()
    drawn = png(figure)
    assert drawn.startswith(b"\x89PNG")
    assert png(spectrograms(np.zeros(10, np.float32), np.zeros(1, np.float32), RATE, ("silent", "too"))) != drawn


class Page(HTMLParser):
    """What a browser would see: addresses, words, and whether all that opens is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [(tag, value or "") for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_report_needs_nothing_but_itself() -> None:
    result = transferred(warnings=("few <notes>",))
    page = Page(report_page(result, BEFORE, "<b>&.wav", b"\x89PNG"))
    assert page.open == []
    assert [tag for tag, _ in page.addresses] == ["audio", "audio", "img"]
    sounds = []
    for _, address in page.addresses:
        kind, _, content = address.partition(";base64,")
        assert kind in ("data:audio/flac", "data:image/png")
        if "flac" in kind:
            sounds.append(soundfile.read(io.BytesIO(base64.b64decode(content, validate=True)))[0])
    for decoded, original in zip(sounds, (BEFORE, result.audio), strict=True):
        assert np.abs(decoded - original).max() < 1e-3
    words = " ".join(page.words)
    said = ("<b>&.wav in the style of harp", "few <notes>", "42", "-12 semitones", "neural", "2 were found", "C#4")
    assert [one for one in said if one not in words] == []


def test_a_report_without_notes_says_so() -> None:
    assert "None were found." in report_page(transferred(notes=0), BEFORE, "x", b"")


def test_extras_are_written_whole_and_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name
        write_side_outputs(
            SideOutputs(folder / "n.mid", folder / "p.png", folder / "r.html"), transferred(), BEFORE, "piano.wav"
        )
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert sorted(one) == ["n.mid", "p.png", "r.html"]
    assert one == two
    assert [note.pitch for note in read_midi(tmp_path / "one" / "n.mid").notes] == [60, 61]
    write_side_outputs(SideOutputs(), transferred(), BEFORE, "piano.wav")


def test_a_wrong_suffix_is_said_before_any_work() -> None:
    SideOutputs(Path("a.MID"), Path("a.png"), Path("a.htm")).check()
    for wrong in (SideOutputs(midi=Path("a.wav")), SideOutputs(plot=Path("a.gif")), SideOutputs(report=Path("a"))):
        with pytest.raises(StyleboxError, match="end its name with"):
            wrong.check()
    assert SideOutputs(plot=Path("plots")).within("a-harp").paths() == [Path("plots/a-harp.png")]
