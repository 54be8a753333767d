"""The page of a transfer as text: complete in itself, names escaped, colours that can be read."""

import base64
import io
import json
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from support.transfers import AFTER, BEFORE, page_of, transferred

import stylebox
from stylebox.cli import app
from stylebox.core.jobs import shown_sound
from stylebox.core.jobs.html import repeat_command
from stylebox.core.music.midi.read import read_midi
from stylebox.core.pipeline.options import OutputFormat

HOSTILE = "<b>&'\"</script><script>alert(1)</script>.wav"
CSS = (Path(stylebox.__file__).parent / "core" / "jobs" / "html.css").read_text("utf-8")


def load_channels(file: bytes) -> np.ndarray:
    """The samples of a file, ``(S, C)``."""
    samples: np.ndarray = soundfile.read(io.BytesIO(file), always_2d=True)[0]
    return samples


class Page(HTMLParser):
    """What a browser would see: addresses, files to save, words, and whether all that opens is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[tuple[str, str]] = []
        self.saved: dict[str, str] = {}
        self.words: list[str] = []
        self.open: list[str] = []
        self.data: Any = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [(tag, value or "") for name, value in attrs if name in ("src", "href")]
        given = dict(attrs)
        if tag == "a":
            self.saved[given["download"] or ""] = given.get("href") or ""
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"] and data.startswith("{"):
            self.data = json.loads(data)
        elif self.open[-1:] not in (["script"], ["style"]):
            self.words.append(data)


def content(address: str) -> bytes:
    """What a data address holds."""
    return base64.b64decode(address.partition(";base64,")[2], validate=True)


@pytest.mark.parametrize("styles", [("harp",), ("harp", "violin", "violin:0.7,flute:0.3")])
def test_a_page_holds_every_sound_and_needs_nothing_but_itself(styles: tuple[str, ...], tmp_path: Path) -> None:
    results = [transferred(warnings=("few <notes>",), style=style) for style in styles]
    page = Page(page_of(results, [BEFORE, *(AFTER for _ in styles)], "song.wav"))
    assert page.open == []
    assert all(address.startswith("data:") for _, address in page.addresses)
    sounds = [content(address) for tag, address in page.addresses if tag == "audio"]
    for sound, original in zip(sounds, (BEFORE, *(AFTER for _ in styles)), strict=True):
        assert np.abs(soundfile.read(io.BytesIO(sound))[0] - original).max() < 1e-3
    assert [tag for tag, _ in page.addresses].count("img") == len(styles) + 1
    assert len(page.saved) == 2 * len(styles) + 2, "each sound, each output's notes, the picture"
    (tmp_path / "n.mid").write_bytes(content(page.saved["song-harp.mid"]))
    assert [note.pitch for note in read_midi(tmp_path / "n.mid").notes] == [60, 61]
    assert content(page.saved["song-spectrograms.png"]).startswith(b"\x89PNG")
    words = " ".join(page.words)
    said = (*styles, "few <notes>", "42", "-12 semitones", "neural", "2 notes", "C#4")
    assert [one for one in said if one not in words] == []
    assert words.count("few <notes>") == 1


def test_a_page_plays_every_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the files have them; MP3, for long recordings, holds two."""
    before, after = np.stack([BEFORE, 0.5 * BEFORE, 0 * BEFORE], 1), np.stack([0 * AFTER, AFTER], 1)
    for seconds, channels in ((100.0, [3, 2]), (1.0, [1, 2])):
        monkeypatch.setattr(shown_sound, "LOSSLESS_SECONDS", seconds)
        page = Page(page_of([transferred()], [before, after], "song.wav"))
        sounds = [load_channels(content(address)) for tag, address in page.addresses if tag == "audio"]
        assert [sound.shape[1] for sound in sounds] == channels
        assert np.abs(sounds[1][:, 0]).max() < 1e-3
        assert np.abs(sounds[1][:, 1]).max() > 0.4


def test_a_long_recording_is_compressed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of ten minutes would hold 120 MB otherwise."""
    monkeypatch.setattr(shown_sound, "LOSSLESS_SECONDS", 1.0)
    page = Page(page_of([transferred()], [BEFORE, AFTER], "song.wav"))
    assert {"song-input.mp3", "song-harp.mp3"} < set(page.saved)
    addresses = [address for tag, address in page.addresses if tag == "audio"]
    assert [address.partition(";")[0] for address in addresses] == ["data:audio/mpeg"] * 2
    assert soundfile.info(io.BytesIO(content(addresses[0]))).frames == len(BEFORE)


def test_the_input_has_its_own_notes() -> None:
    """The output is an octave lower than the input."""
    page = Page(page_of([transferred()], [BEFORE, AFTER], "song.wav"))
    before, after = page.data["notes"]
    assert [note[2] for note in before] == [note[2] + 12 for note in after] == [72, 73]
    assert page.data["seconds"] == 1.5


def test_names_are_escaped_and_only_the_pages_own_script_may_run() -> None:
    text = page_of([transferred(style=HOSTILE, warnings=(HOSTILE,))], [BEFORE, AFTER], HOSTILE)
    page = Page(text)
    assert page.open == []
    assert text.count("<script") == 2, "the data and the script of the page"
    assert "<b>" not in text
    assert HOSTILE in " ".join(page.words)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert "default-src 'none'; script-src 'sha256-" in policy


def test_a_report_without_notes_says_so() -> None:
    assert "No notes were found." in page_of([transferred(notes=0)], [BEFORE, AFTER], "x")


def test_the_command_of_a_page_gives_the_same_settings() -> None:
    """The command line parses it."""
    result = transferred(style="violin:0.7,flute:0.3")
    output = OutputFormat(96000, 24, mono=True, format="flac")
    result = replace(result, settings=replace(result.settings, guidance=1.2345678, output=output))
    program: Any = typer.main.get_command(app)
    stylebox_word, name, *rest = shlex.split(repeat_command(result, "takes/a song.wav"))
    given = program.commands[name].make_context(name, rest).params
    assert stylebox_word == "stylebox"
    assert [str(source) for source in given["sources"]] == ["takes/a song.wav"]
    expected = {"seed": 42, "transpose": -12, **result.settings.details(), "mono": True}
    expected |= {"sample_rate": 96000, "bits": 24, "format": "flac"}
    assert {option: str(getattr(given[option], "value", given[option])) for option in expected} == {
        option: str(value) for option, value in expected.items()
    }


def contrast(one: str, other: str) -> float:
    """How far two colours are apart in brightness, from 1 to 21, as WCAG 2 defines it."""
    bright = []
    for colour in (one, other):
        shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        bright.append(float(np.dot(linear, (0.2126, 0.7152, 0.0722))) + 0.05)
    return max(bright) / min(bright)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_can_be_read(theme: str) -> None:
    """AA: 4.5 for text, 3 for drawings and the edges of controls."""
    rule = ":root {" if theme == "light" else ':root[data-theme="dark"] {'
    block = CSS[CSS.index(rule) :].partition("}")[0]
    colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    texts = [("text", "page"), ("text", "panel"), ("quiet", "page"), ("quiet", "roll"), ("accent", "page")]
    drawings = [("line", "page"), ("note", "roll"), ("sounding", "roll"), ("playhead", "roll"), ("sounding", "page")]
    for one, other in (*texts, ("on-accent", "accent")):
        assert contrast(colour[one], colour[other]) >= 4.5, (one, other)
    for one, other in drawings:
        assert contrast(colour[one], colour[other]) >= 3.0, (one, other)
