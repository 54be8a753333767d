"""What there is, and what it is made of: `styles`, `models`, `info`, `doctor`. They change nothing."""

from typing import TYPE_CHECKING

import typer

from stylebox import options as opt
from stylebox.console import console
from stylebox.entry import FAILED

if TYPE_CHECKING:
    from stylebox.core.style_list import StyleInfo


def styles(model: opt.Model = "base", as_json: opt.AsJson = False) -> None:
    """List the styles a model has by name: range, usual register, sounds, and what each was learnt from."""
    from stylebox.core.style_list import list_styles

    found = list_styles(model)
    if as_json:
        console.document(found)
    elif found:
        console.table(("style", "range", "usual", "sounds", "learnt from"), [_style_row(style) for style in found])
    else:
        console.note("none")


def models(as_json: opt.AsJson = False) -> None:
    """List the models that are there: your own and the shipped one."""
    from stylebox.core.library import list_models

    console.listing(list_models(), as_json)


def info(
    file: opt.File = None,
    model: opt.SomeModel = None,
    preset: opt.SomePreset = None,
    as_json: opt.AsJson = False,
) -> None:
    """Say what a recording, a model or a preset is made of: parameters, provenance, metrics."""
    if sum(thing is not None for thing in (file, model, preset)) > 1:
        raise typer.BadParameter("FILE, --model and --preset exclude each other")
    from stylebox.core.library import describe

    if file is None and preset is None:
        model = model or "base"
    description = describe(model=model, preset=preset, file=file)
    if as_json:
        console.document(description)
    else:
        console.tree(description)


def doctor(as_json: opt.AsJson = False) -> None:
    """Look what works on this machine, and say how to mend what does not."""
    from stylebox.core.doctor import examine

    findings = examine()
    if as_json:
        console.document(findings)
    else:
        console.findings(findings)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(FAILED)


def _style_row(style: "StyleInfo") -> tuple[str | None, ...]:
    """One style for the eye, keys as musicians write them."""
    from stylebox.core.music.register import key_name

    def keys(lowest: int | None, highest: int | None) -> str | None:
        return None if lowest is None or highest is None else f"{key_name(lowest)} to {key_name(highest)}"

    return (
        style.name,
        keys(style.lowest_key, style.highest_key),
        keys(style.usual_lowest_key, style.usual_highest_key),
        ", ".join(style.sounds) or None,
        style.learnt_from,
    )
