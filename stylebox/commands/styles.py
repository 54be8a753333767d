"""`stylebox styles`: list, add, remove and show styles."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stylebox.commands.loading import load_model
from stylebox.console import options as opt
from stylebox.console import setup_options as setup
from stylebox.console.choices import DeviceName
from stylebox.console.console import console
from stylebox.console.style_view import show_style, show_styles

if TYPE_CHECKING:
    from stylebox.core.jobs.style_list import StyleInfo


def styles(context: typer.Context, model: opt.Model = "base", as_json: opt.AsJson = False) -> None:
    """List styles: range, usual register, sounds, and the recordings each was learnt from. Yours come last."""
    if context.invoked_subcommand is not None:
        return
    from stylebox.core.jobs.style_list import list_styles

    found = list_styles(model)
    if as_json:
        console.document(found)
    else:
        show_styles(found)


def add_style(
    name: setup.StyleName,
    clips: setup.Clips,
    like: setup.Like = None,
    force: setup.ReplaceStyle = False,
    as_json: opt.AsJson = False,
) -> None:
    """Add a style made of your clips. It needs no training, and every model of family base can play it."""
    from stylebox.core.jobs import own_styles
    from stylebox.core.jobs.style_list import find_style

    with console.progress() as progress:
        added = own_styles.add_style(name, clips, like=like, force=force, progress=progress)
    if as_json:
        console.document(added.model_dump())
    else:
        show_style(find_style(added.name, "base"))
        console.note(f"try it: stylebox transfer melody.wav --style {shlex.quote(added.name)}")


def remove_style(name: setup.StyleName) -> None:
    """Remove a style that you added. The clips it was made of are kept."""
    from stylebox.core.jobs import own_styles

    own_styles.remove_style(name)


def show(
    name: setup.StyleName,
    model: opt.Model = "base",
    plot: setup.StylePlot = None,
    device: opt.Device = DeviceName.auto,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Show one style: its range on a keyboard, its sounds and, as a picture, how it plays."""
    from stylebox.core.jobs.style_list import find_style

    found = find_style(name, model)
    if plot is not None:
        _draw(found, plot, model, device, force)
    if as_json:
        console.document(found)
        return
    show_style(found)
    if plot is not None:
        console.result(plot)


def _draw(style: "StyleInfo", plot: Path, model: str, device: DeviceName, force: bool) -> None:
    """Draw the style as it plays notes over its range."""
    from stylebox.core.jobs.style_picture import check_picture, write_style_picture

    check_picture(plot, force)
    pipeline = load_model(model, device)
    with console.progress() as progress:
        write_style_picture(plot, style, pipeline, progress)
