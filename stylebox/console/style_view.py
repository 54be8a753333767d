"""How styles look on the console: a table of all, and one with its range on a keyboard."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stylebox.console.console import console

if TYPE_CHECKING:  # slow to import, and `--help` does not need it
    from stylebox.core.jobs.style_list import StyleInfo

_LOWEST_KEY, _HIGHEST_KEY = 21, 108  # of a piano
_KEYS_PER_COLUMN = 2


def show_styles(styles: "Sequence[StyleInfo]") -> None:
    """Show the styles of a model as a table, keys in scientific pitch notation."""
    rows = [
        (
            style.name,
            _keys(style.lowest_key, style.highest_key),
            _keys(style.usual_lowest_key, style.usual_highest_key),
            ", ".join(style.sounds) or None,
            style.learnt_from,
        )
        for style in styles
    ]
    if rows:
        console.table(("style", "range", "usual", "sounds", "learnt from"), rows)
    else:
        console.note("none")


def show_style(style: "StyleInfo") -> None:
    """Show one style, with its range on a keyboard where it is known."""
    facts = {
        "style": style.name,
        "range": _keys(style.lowest_key, style.highest_key),
        "usual": _keys(style.usual_lowest_key, style.usual_highest_key),
        "sounds": ", ".join(style.sounds),
        "learnt from": style.learnt_from,
    }
    for name, value in facts.items():
        if value:
            console.result(f"{name:<12} {value}")
    for line in keyboard(style):
        console.result(line)


def keyboard(style: "StyleInfo") -> list[str]:
    """The range of a style on the keys of a piano: ``#`` usual, ``-`` playable, ``.`` beyond; the octaves below.

    Two keys share a column, so that it fits into 60 columns.
    """
    known = (style.lowest_key, style.usual_lowest_key, style.usual_highest_key, style.highest_key)
    low, usual_low, usual_high, high = (-1 if key is None else key for key in known)
    if low < 0:
        return []
    columns = range(_LOWEST_KEY, _HIGHEST_KEY + 1, _KEYS_PER_COLUMN)
    drawn = "".join(
        "#" if key <= usual_high and key + 1 >= usual_low else "-" if key <= high and key + 1 >= low else "."
        for key in columns
    )
    octaves = [" "] * (len(drawn) + 2)
    for octave in range(1, 9):
        at = (12 * (octave + 1) - _LOWEST_KEY) // _KEYS_PER_COLUMN
        octaves[at : at + 2] = f"C{octave}"
    return ["", drawn, "".join(octaves).rstrip()]


def _keys(lowest: int | None, highest: int | None) -> str | None:
    from stylebox.core.music.register import key_name

    return None if lowest is None or highest is None else f"{key_name(lowest)} to {key_name(highest)}"
