"""`info`: describe a recording, a model or a preset."""

import typer

from stylebox.console import options as opt
from stylebox.console.console import console


def info(
    file: opt.File = None,
    model: opt.SomeModel = None,
    preset: opt.SomePreset = None,
    as_json: opt.AsJson = False,
) -> None:
    """Say what a recording, a model or a preset is made of: parameters, provenance, metrics."""
    if sum(thing is not None for thing in (file, model, preset)) > 1:
        raise typer.BadParameter("FILE, --model and --preset exclude each other")
    from stylebox.core.jobs.describe import describe

    if file is None and preset is None:
        model = model or "base"
    description = describe(model=model, preset=preset, file=file)
    if as_json:
        console.document(description)
    else:
        console.tree(description)
