"""The page of a listening test holds everything that it shows and plays, and a browser runs it."""

import base64
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from stylebox.core.evaluation.listening import page as page_module
from stylebox.core.evaluation.listening.page import QUESTION, listening_page
from stylebox.core.evaluation.listening.stimuli import Trial, make_trial

RATE = 22050
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def trials() -> list[Trial]:
    rng = np.random.default_rng(0)
    sounds = [rng.normal(size=RATE).astype(np.float32) for _ in range(4)]
    return [
        make_trial("one </script>", "a <b>player</b>", sounds[0], {"model": sounds[1], "a & b": sounds[2]}, RATE),
        make_trial("two", "a player", sounds[2], {"model": sounds[3]}, RATE),
    ]


def data_of(page: str) -> dict[str, object]:
    """What the script reads."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, object] = json.loads(found[1])
    return data


def test_the_page_holds_every_sound_and_asks_for_nothing_else() -> None:
    made = trials()
    page = listening_page("A <test>", made, RATE)
    assert page == listening_page("A <test>", trials(), RATE)
    data = data_of(page)
    shown = data["trials"]
    assert isinstance(shown, list)
    assert [trial["name"] for trial in shown] == ["one </script>", "two"]
    for trial, kept in zip(made, shown, strict=True):
        for stimulus, sound in zip(trial.stimuli, kept["stimuli"], strict=True):
            audio, rate = soundfile.read(io.BytesIO(base64.b64decode(sound["audio"])))
            assert (sound["system"], rate) == (stimulus.system, RATE)
            assert np.abs(audio - stimulus.audio).max() < 1e-4
    outside = re.sub(r'id="data">.*?</script>', "", page, flags=re.DOTALL)
    assert len(outside) < 30_000
    assert not re.search(r"https?:|['\"]//|url\(|\bsrc=|<link|@import|fetch\(|XMLHttpRequest", outside)
    assert "<title>A &lt;test&gt;</title>" in page
    assert not re.search(r"%[A-Z]+%", outside)
    assert QUESTION in page


def test_other_sounds_are_another_test() -> None:
    first = listening_page("a", trials(), RATE)
    second = listening_page("a", trials()[:1], RATE)
    assert data_of(first)["test"] != data_of(second)["test"]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, after WCAG 2."""

    def luminance(colour: str) -> float:
        channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_can_be_read_on_light_and_on_dark() -> None:
    style = Path(page_module.__file__).with_name("page.css").read_text("utf-8")
    schemes = [
        dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]
    assert len(schemes) == 2
    for colours in schemes:
        for text, ground in (("text", "page"), ("text", "card"), ("quiet", "page"), ("on", "accent")):
            assert contrast(colours[text], colours[ground]) >= 4.5
        assert contrast(colours["line"], colours["page"]) >= 3
        assert contrast(colours["accent"], colours["page"]) >= 3


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
def test_a_browser_shows_a_trial_in_an_order_of_its_own(tmp_path: Path) -> None:
    page = listening_page("A test", trials(), RATE)
    begin = """<script>
    document.getElementById("listener").value = "me";
    document.getElementById("begin").requestSubmit();
    </script></body>"""
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", begin), encoding="utf-8")
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--virtual-time-budget=4000", "--dump-dom", path.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert re.findall(r'aria-label="Play sound (\w)"', dom) == ["A", "B", "C", "D", "E"]
    assert '<h2 id="heading" tabindex="-1">Training</h2>' in dom
    assert "Reference: a &lt;b&gt;player&lt;/b&gt;" in dom
