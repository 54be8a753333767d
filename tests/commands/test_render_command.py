"""`stylebox render`: how options reach the job, and what it shows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_result import CommandResult
from support.fake_reports import fake_render

from stylebox.core.music.instruments import DEFAULT_INSTRUMENTS
from stylebox.core.sources.render.render import RenderReport
from stylebox.core.sources.render.sample_sets import SampleRemark


def test_render_passes_on_soundfonts_samples_and_instruments(
    run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def note_options(to: Path, **options: Any) -> RenderReport:
        given.update(options)
        return RenderReport()

    monkeypatch.setattr("stylebox.core.sources.render.render.render", note_options)
    line = "--soundfont a.sf2 --soundfont b.sf3 --samples notes --timbres 2 --instruments all --minutes 2.4 --seed 7"
    assert run("render", *line.split(), "--to", "wide").code == 0
    assert (given["soundfonts"], given["samples"]) == ([Path("a.sf2"), Path("b.sf3")], Path("notes"))
    assert (given["timbres_per_score"], given["minutes"], given["seed"]) == (2, 2.4, 7)
    assert set(DEFAULT_INSTRUMENTS) < set(given["instruments"])
    assert run("render").code == 0
    assert tuple(given["instruments"]) == DEFAULT_INSTRUMENTS
    assert (given["samples"], given["timbres_per_score"]) == (None, None)


def test_render_shows_minutes_and_failures(run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylebox.core.sources.render.render.render", fake_render)
    code, out, err = run("render", "--instruments", "harp, flute", "--to", "sounds")
    assert code == 1
    assert [line.split() for line in out.splitlines()] == [
        ["instrument", "minutes"],
        ["harp", "1.5"],
        ["flute", "1.5"],
        ["sounds"],
    ]
    assert err.splitlines() == ["2 pieces written, 1 existed already", "stylebox: harp: no sound"]


def test_one_piece_is_counted_as_one(run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch) -> None:
    report = RenderReport(written=1, seconds={"harp": 12.0})
    monkeypatch.setattr("stylebox.core.sources.render.render.render", lambda to, **options: report)
    assert run("render", "--to", "sounds").err.splitlines() == ["1 piece written, 0 existed already"]


def test_render_names_the_samples_that_are_not_used(
    run: Callable[..., CommandResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted = SampleRemark("flute/notes/own", "flute", 9, "their pitches are corrected", ("c.wav",), used=True)
    left_out = SampleRemark("flute/notes/own", "flute", 9, "cannot be read as audio", ("a.wav", "b.wav"))

    def render_with_remarks(to: Path, **_: object) -> RenderReport:
        return RenderReport(1, 0, {"flute": 60.0}, samples=[shifted, left_out])

    monkeypatch.setattr("stylebox.core.sources.render.render.render", render_with_remarks)
    code, _, err = run("render", "--samples", "notes")
    assert code == 0
    assert err.splitlines()[:2] == [
        "warning: flute/notes/own: 1 of 9 notes used: their pitches are corrected: c.wav",
        "warning: flute/notes/own: 2 of 9 notes not used: cannot be read as audio: a.wav, b.wav",
    ]
    document = json.loads(run("render", "--samples", "notes", "--json").out)
    assert document["samples"][1]["files"] == ["a.wav", "b.wav"]
    assert [remark["used"] for remark in document["samples"]] == [True, False]
