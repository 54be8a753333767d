"""`stylebox styles`: list the styles of a model."""

from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.views import show_styles


def styles(model: opt.Model = "base", as_json: opt.AsJson = False) -> None:
    """List the styles of a model: range, usual register, sounds, and the recordings it was trained on."""
    from stylebox.core.jobs.style_list import list_styles

    found = list_styles(model)
    if as_json:
        console.document(found)
    else:
        show_styles(found)
