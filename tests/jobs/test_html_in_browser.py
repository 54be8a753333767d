"""The page of a transfer in a real browser: it plays, compares at the same position, and needs no other file."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.browser import EXECUTABLE, Browser, browser
from support.transfers import page_of, tone, transferred

pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="needs Chromium: apt install chromium")
SECONDS = 20.0
NAME = 'a <b>song<br>\'s "best" part.wav'


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Path]]:
    """A browser, and a page with an input and two outputs."""
    folder = tmp_path_factory.mktemp("page")
    results = [transferred(notes=70, style=style, seconds=SECONDS) for style in ("harp", "violin")]
    page = folder / "page.html"
    page.write_text(page_of(results, [tone(440, SECONDS), *(tone(880, SECONDS) for _ in results)], NAME), "utf-8")
    with browser(folder / "profile") as running:
        yield running, page


def opened(shown: tuple[Browser, Path], dark: bool = False, width: int = 1200) -> Browser:
    """The page, when its sounds are decoded."""
    running, page = shown
    running.open(page, dark=dark, width=width)
    running.wait_for("buffers.length === 3")
    return running


def test_every_sound_is_decoded_and_none_is_fetched(shown: tuple[Browser, Path]) -> None:
    page = opened(shown)
    assert page.run("buffers.map(buffer => buffer.duration)") == pytest.approx([SECONDS] * 3, abs=0.001)
    assert page.run("buffers.map(buffer => Math.max(...buffer.getChannelData(0).slice(0, 1000)))") == pytest.approx(
        [0.5] * 3, abs=0.01
    )
    assert page.run("document.querySelector('h1').textContent") == f"{NAME}: harp, violin"
    links = page.run("[...document.querySelectorAll('a[download]')].map(link => link.href.split(':')[0])")
    assert links == ["blob"] * 3 + ["data"] * 3
    assert page.errors == []
    assert set(page.requests) == {shown[1].as_uri()}


def test_a_switch_of_sounds_keeps_the_position(shown: tuple[Browser, Path]) -> None:
    page = opened(shown)
    page.run("seek(4)")
    page.press(" ")
    page.wait_for("position() > 4.2")
    for key, track in (("2", 1), ("3", 2), ("b", 0), ("b", 1)):
        before = page.run("position()")
        page.press(key)
        after, heard = page.run("[position(), active]")
        assert heard == track
        assert 0 <= after - before < 2.0, "only the time that the test took"
        page.wait_for(f"gains.every((gain, i) => Math.abs(gain.gain.value - (i === {track} ? 1 : 0)) < 0.01)")
    starts = page.run("sources.length")
    assert starts == 3, "all sounds run on, from one start"
    page.press(" ")
    stopped = page.run("position()")
    assert page.run("playing") is False
    page.press("1")
    assert page.run("position()") == stopped
    assert page.errors == []


def test_a_loop_returns_to_its_start(shown: tuple[Browser, Path]) -> None:
    """A part that was marked with the mouse on the piano roll."""
    page = opened(shown)
    left, top, width = page.run("(({x, y, width}) => [x, y + 50, width])(byId('roll').getBoundingClientRect())")
    page.mouse("mousePressed", left + width * 0.5, top)
    page.mouse("mouseMoved", left + width * 0.54, top)
    page.mouse("mouseReleased", left + width * 0.54, top)
    start, end = page.run("loop")
    assert page.run("looping") is True
    assert end - start == pytest.approx(0.04 * 12, rel=0.1)
    assert page.run("position()") == pytest.approx(start, abs=0.01)
    page.press(" ")
    page.wait_for(f"context.currentTime - startedAt > {end - start + 0.2}")
    assert start <= page.run("position()") <= end
    page.press("Escape")
    assert page.run("looping") is False
    page.press(" ")


def test_the_piano_roll_follows_the_playhead(shown: tuple[Browser, Path]) -> None:
    page = opened(shown)
    assert page.run("viewStart()") == 0
    page.run("seek(15)")
    assert page.run("viewStart()") == pytest.approx(SECONDS - 12)
    heads = page.run("heads.map(head => parseFloat(head.style.left))")
    assert heads == pytest.approx([75.0] * 3, abs=0.5)
    page.press("+")
    assert page.run("span") == pytest.approx(8.0)
    page.press("Home")
    assert page.run("position()") == 0


@pytest.mark.parametrize(("dark", "width"), [(False, 400), (True, 1200)])
def test_a_page_is_dark_or_light_and_fits_its_window(shown: tuple[Browser, Path], dark: bool, width: int) -> None:
    page = opened(shown, dark=dark, width=width)
    assert page.run("document.documentElement.scrollWidth") <= width
    image = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))
    assert (np.median(image) < 64) == dark
    page.press("d")
    image = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))
    assert (np.median(image) < 64) != dark
    assert page.errors == []
