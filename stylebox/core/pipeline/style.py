"""What `--style` means: a name, an audio file, or a weighted blend of them, turned into tokens and a vector."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import torch

from stylebox.core.audio.vibrato import blend_intonation
from stylebox.core.errors import ModelError
from stylebox.core.file_names import safe_name
from stylebox.core.music.register import blend
from stylebox.core.music.style_names import choices, match_name, unknown_style
from stylebox.core.store.library import Style

FromClip = Callable[[Path], Style]


def resolve_style(wanted: str, named: Mapping[str, Style], from_clip: FromClip) -> Style:
    """The style `wanted` asks for.

    Args:
        wanted: ``"violin"``, ``"piano/upright"``, ``"my_cello.wav"``, or ``"violin:0.7,flute:0.3"``. Weights need not
            sum to 1; one left out is 1. A name or a file may hold commas and colons itself, then it stands alone.
        named: The model's styles.
        from_clip: Reads the style of an audio file.

    Raises:
        ModelError: no such name or file, or a weight that is none.
    """
    if match_name(wanted, named) or _is_file(wanted):
        return _one(wanted, named, from_clip)
    parts = _parts(wanted)
    if not parts:
        raise ModelError(f"--style {wanted!r} names nothing; {choices(named)}")
    total = sum(weight for _, weight in parts)
    if total <= 0:
        raise ModelError(f"--style {wanted}: the weights sum to 0; give at least one above 0")
    styles = [(_one(name, named, from_clip), weight / total) for name, weight in parts]
    if len(styles) == 1:
        return styles[0][0]
    return Style(
        name=wanted,
        tokens=torch.stack([style.tokens * weight for style, weight in styles]).sum(0),
        vector=torch.stack([style.vector * weight for style, weight in styles]).sum(0),
        register=blend([(style.register, weight) for style, weight in styles]),
        intonation=blend_intonation([(style.intonation, weight) for style, weight in styles]),
        sustained=sum(weight for style, weight in styles if style.sustained) > 0.5,
    )


def check_style(wanted: str, named: Collection[str]) -> None:
    """Raise now what `resolve_style` would raise after a take.

    Raises:
        ModelError: no such name or file, or a weight that is none.
    """
    nobody = Style("", torch.zeros(0), torch.zeros(0))
    resolve_style(wanted, dict.fromkeys(named, nobody), lambda path: nobody)


def style_slug(wanted: str) -> str:
    """A style as part of a file's name.

    >>> style_slug("violin/section"), style_slug("violin:0.7, English horn:0.3")
    ('violin_section', 'violin+English_horn')

    Raises:
        ModelError: a weight that is none.
    """
    names = [wanted] if _is_file(wanted) else [name for name, _ in _parts(wanted)]
    words = [Path(name).stem if _is_file(name) else name for name in names]
    return "+".join("_".join(safe_name(word).split()) for word in words)


def _parts(wanted: str) -> list[tuple[str, float]]:
    return [_weighted(part.strip()) for part in wanted.split(",") if part.strip()]


def _weighted(part: str) -> tuple[str, float]:
    """`name:weight`; a colon that no number follows belongs to the name."""
    name, colon, weight = part.rpartition(":")
    if not colon:
        return weight, 1.0
    try:
        value = float(weight)
    except ValueError:
        return part, 1.0
    if not 0 <= value < float("inf"):
        raise ModelError(f"--style {part}: {weight} is no weight; give a number from 0 up")
    return name.strip(), value


def _one(name: str, named: Mapping[str, Style], from_clip: FromClip) -> Style:
    """An exact name before a file, a file before a name that is spelt otherwise."""
    if name not in named and _is_file(name):
        return from_clip(Path(name).expanduser())
    known = match_name(name, named)
    if known is None:
        raise ModelError(unknown_style(name, named))
    return named[known]


def _is_file(name: str) -> bool:
    try:
        return Path(name).expanduser().is_file()
    except (OSError, RuntimeError):  # too long for a name; no home folder
        return False
