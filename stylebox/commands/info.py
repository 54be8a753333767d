"""`stylebox info`: show the details of a recording, a model or a preset."""

import typer

from stylebox.console import options as opt
from stylebox.console import setup_options as setup
from stylebox.console.console import console
from stylebox.console.defaults import is_default
from stylebox.console.views import show_tree


def info(
    context: typer.Context,
    file: setup.File = None,
    model: setup.SomeModel = None,
    preset: setup.SomePreset = None,
    as_json: opt.AsJson = False,
) -> None:
    """Show the details of a recording, a model or a preset: sizes, origin, measured figures."""
    if is_default(context, "model") and (file is not None or preset is not None):
        model = None
    if sum(choice is not None for choice in (file, model, preset)) > 1:
        raise typer.BadParameter("use only one of FILE, --model and --preset")
    from stylebox.core.jobs.describe import describe

    if file is None and preset is None:
        model = model or "base"
    description = describe(model=model, preset=preset, file=file)
    if as_json:
        console.document(description)
    else:
        show_tree(description)
