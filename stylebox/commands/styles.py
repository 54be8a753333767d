"""`styles`: list the styles of a model."""

from typing import TYPE_CHECKING

from stylebox.console import options as opt
from stylebox.console.console import console

if TYPE_CHECKING:
    from stylebox.core.jobs.style_list import StyleInfo


def styles(model: opt.Model = "base", as_json: opt.AsJson = False) -> None:
    """List the styles a model has by name: range, usual register, sounds, and what each was learnt from."""
    from stylebox.core.jobs.style_list import list_styles

    found = list_styles(model)
    if as_json:
        console.document(found)
    elif found:
        console.table(("style", "range", "usual", "sounds", "learnt from"), [_style_row(style) for style in found])
    else:
        console.note("none")


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
