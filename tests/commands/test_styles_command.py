"""`stylebox styles add`, `remove` and `show`: styles made of clips, which belong to no model."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.command_result import CommandResult

from stylebox.core.errors import StyleboxError
from stylebox.core.jobs.own_styles import add_style
from stylebox.core.jobs.style_list import StyleInfo, find_style, list_styles
from stylebox.core.music.instruments import INSTRUMENTS
from stylebox.core.paths import styles_dir
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.style_spec import StyleSpec
from stylebox.core.store.user_styles import user_styles

Run = Callable[..., CommandResult]
RATE = 44100


def clip(name: str, hz: float, seconds: float = 2.0) -> Path:
    """A tone between two silences."""
    t = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * hz * part * t) / part for part in (1, 2, 3))
    silence = np.zeros(RATE // 2)
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.concatenate([silence, 0.2 * np.asarray(tone), silence]), RATE)
    return path


def test_spaces_around_the_slash_of_a_name_are_none_of_it(run: Run) -> None:
    clip("a.wav", 440.0)
    assert run("styles", "add", " zither / my own ", "a.wav").code == 0
    assert list(user_styles()) == ["zither/my own"]


def test_a_style_of_clips_is_listed_shown_and_removed(run: Run) -> None:
    clip("clips/a.wav", 440.0)
    clip("clips/sub/b.wav", 660.0)
    added = run("styles", "add", "mandolin", "clips", "--like", "Gitarre")
    assert added.code == 0, added.err
    listed = json.loads(run("styles", "--json").out)[-1]
    assert (listed["name"], listed["own"], listed["learnt_from"]) == ("mandolin", True, "your clips: a.wav, b.wav")
    assert (listed["lowest_key"], listed["highest_key"]) == (INSTRUMENTS["guitar"].low, INSTRUMENTS["guitar"].high)
    shown = run("styles", "show", "MANDOLIN").out
    assert "E2 to C6" in shown
    assert "###" in shown
    assert run("styles", "remove", "Mandolin").code == 0
    assert list(styles_dir().iterdir()) == []
    assert run("styles", "remove", "mandolin").code == 1


def test_a_clip_whose_name_is_not_unicode_is_named_all_the_same(run: Run) -> None:
    clip("clips/a.wav", 440.0).rename(os.fsdecode(b"clips/caf\xe9.wav"))
    assert run("styles", "add", "mandolin", "clips", "--like", "guitar").code == 0
    assert json.loads(run("styles", "--json").out)[-1]["learnt_from"] == r"your clips: caf\xe9.wav"


@pytest.mark.usefixtures("tiny_home")
def test_every_model_of_the_family_plays_it_with_its_own_networks() -> None:
    add_style("clav/mine", [clip("a.wav", 440.0)])
    add_style("viola/mine", [clip("b.wav", 220.0)])
    for model in ("tiny", "base"):
        pipeline = BasePipeline(model)
        style, of_clip = (pipeline.style(StyleSpec.parse(text)) for text in ("viola/mine", str(clip("c.wav", 220.0))))
        assert style.register == INSTRUMENTS["viola"].register
        assert style.sustained
        assert style.tokens.shape == of_clip.tokens.shape
        half = pipeline.style(StyleSpec.parse("viola/mine:1,clav/mine:1"))
        other = pipeline.style(StyleSpec.parse("clav/mine"))
        assert np.allclose(half.vector, (style.vector + other.vector) / 2)
        assert find_style("viola/mine", model).own


def test_half_a_minute_is_shared_by_the_clips_and_what_a_short_one_lacks_others_give() -> None:
    clips = [clip("short.wav", 440.0, 2.0), clip("a.wav", 330.0, 40.0), clip("b.wav", 550.0, 20.0)]
    style = add_style("zither", clips, like="harp")
    assert style.seconds == pytest.approx(30.0, abs=0.1)
    audio, rate = soundfile.read(style.path)
    tones = [np.abs(np.fft.rfft(audio[round(at * rate) : round((at + 1) * rate)])).argmax() for at in (0.5, 10.0, 20.0)]
    assert tones == pytest.approx([440, 330, 550], abs=2)


def test_a_silent_clip_among_others_is_named_and_not_learnt_from(run: Run) -> None:
    soundfile.write("nothing.wav", np.zeros(RATE), RATE)
    clip("a.wav", 440.0)
    added = run("styles", "add", "zither", "nothing.wav", "a.wav", "--like", "harp")
    assert "nothing.wav: is silent" in added.err
    assert "a.wav" in added.out
    assert "nothing.wav" not in added.out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Geige", "is the style violin of the shipped model"),
        ("piano", "is the style piano"),
        ("a:b", "cannot be a style's name"),
        ("a,b", "cannot be a style's name"),
        ("../x", "cannot be a style's name"),
        ("Zither", "exists already as zither"),
        ("zither", "--force replaces it"),
    ],
)
def test_a_name_that_is_taken_or_not_possible_is_refused(name: str, said: str) -> None:
    add_style("zither", [clip("a.wav", 440.0)], like="harp")
    before = {path.name: path.read_bytes() for path in styles_dir().iterdir()}
    with pytest.raises(StyleboxError, match=said):
        add_style(name, [clip("b.wav", 440.0)], like="harp")
    assert {path.name: path.read_bytes() for path in styles_dir().iterdir()} == before


def test_force_replaces_the_clips() -> None:
    add_style("zither", [clip("a.wav", 440.0)], like="harp")
    add_style("zither", [clip("b.wav", 220.0)], like="guitar", force=True)
    (style,) = user_styles().values()
    assert (style.learnt_from, style.like) == (("b.wav",), "guitar")
    assert len(list(styles_dir().iterdir())) == 2


@pytest.mark.parametrize("content", [b"no sound", None, b"silence"])
def test_clips_without_sound_leave_nothing_behind(content: bytes | None, run: Run) -> None:
    if content == b"silence":
        soundfile.write("x.wav", np.zeros(3 * RATE), RATE)
    elif content is not None:
        Path("x.wav").write_bytes(content)
    ended = run("styles", "add", "zither", "x.wav")
    assert ended.code == 1
    assert "x.wav" in ended.err
    assert not styles_dir().exists() or list(styles_dir().iterdir()) == []


def test_a_style_without_its_card_is_none_and_a_damaged_card_is_named() -> None:
    add_style("zither", [clip("a.wav", 440.0)], like="harp")
    (card,) = styles_dir().glob("*.json")
    text = card.read_text("utf-8")
    card.unlink()
    assert user_styles() == {}
    card.write_text(text.replace('"zither.flac"', '"../../a.wav"'), "utf-8")
    assert user_styles() == {}
    card.write_text("{", "utf-8")
    with pytest.raises(StyleboxError, match=r"zither\.json"):
        list_styles("base")


@pytest.mark.parametrize(("keys", "drawn"), [((21, 108, 21, 108), "#" * 44), ((60, 79, 60, 79), 10)])
def test_the_keyboard_has_a_column_for_two_keys(keys: tuple[int, int, int, int], drawn: str | int) -> None:
    from stylebox.console.style_view import keyboard

    _, line, octaves = keyboard(StyleInfo("x", *keys))
    assert len(line) == 44
    assert line == drawn or line.count("#") == pytest.approx(drawn, abs=1)
    assert octaves.index("C4") == (60 - 21) // 2
    assert keyboard(StyleInfo("x")) == []
