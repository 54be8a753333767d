"""What `--style` means: a name, an audio file, or a weighted blend of them, turned into tokens and a vector."""

from collections.abc import Callable, Collection
from pathlib import Path

import torch

from stylebox.core.errors import ModelError
from stylebox.core.library import Style

FromClip = Callable[[Path], Style]
STRETCH_SEMITONES = 9  # how far beyond its own keys a sound still carries


def resolve_style(wanted: str, named: dict[str, Style], from_clip: FromClip) -> Style:
    """The style `wanted` asks for.

    Args:
        wanted: ``"violin"``, ``"my_cello.wav"``, or ``"violin:0.7,flute:0.3"``. Weights need not sum to 1; one left
            out is 1. A name or a file may hold commas and colons itself, then it stands alone.
        named: The model's styles.
        from_clip: Reads the style of an audio file.

    Raises:
        ModelError: no such name or file, or a weight that is none.
    """
    if wanted in named or _is_file(wanted):
        return _one(wanted, named, from_clip)
    parts = _parts(wanted)
    if not parts:
        raise ModelError(f"--style {wanted!r} names nothing; {_choices(named)}")
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
        low=_mean_key([(style.low, weight) for style, weight in styles]),
        high=_mean_key([(style.high, weight) for style, weight in styles]),
        bends=sum(style.bends * weight for style, weight in styles),
    )


def check_style(wanted: str, named: Collection[str]) -> None:
    """Raise now what `resolve_style` would raise after a take.

    Raises:
        ModelError: no such name or file, or a weight that is none.
    """
    nobody = Style("", torch.zeros(0), torch.zeros(0))
    resolve_style(wanted, dict.fromkeys(named, nobody), lambda path: nobody)


def file_words(wanted: str) -> str:
    """A style as part of a file's name: ``"my_cello"`` of a path, ``"violin+flute"`` of a blend.

    Raises:
        ModelError: a weight that is none.
    """
    names = [wanted] if _is_file(wanted) else [name for name, _ in _parts(wanted)]
    return "+".join(Path(name).stem for name in names)


def octave_shift(pitches: list[int], style: Style) -> int:
    """Semitones, a multiple of 12, to move notes by so that the style can play them; 0 if its register is unknown.

    Notes stay where they are if they can: up to `STRETCH_SEMITONES` beyond the register the sound still holds, and
    only where more than half of them lie further out is the music moved, by the smallest move that brings most home.
    """
    if style.low is None or style.high is None or not pitches:
        return 0
    low, high = style.low, style.high

    def outside(shift: int, stretch: int) -> int:
        return sum(not low - stretch <= pitch + shift <= high + stretch for pitch in pitches)

    if 2 * outside(0, STRETCH_SEMITONES) <= len(pitches):
        return 0
    return min((12 * octaves for octaves in range(-5, 6)), key=lambda shift: (outside(shift, 0), abs(shift), shift))


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


def _one(name: str, named: dict[str, Style], from_clip: FromClip) -> Style:
    if name in named:
        return named[name]
    if _is_file(name):
        return from_clip(Path(name).expanduser())
    raise ModelError(f"no style and no file {name!r}; {_nearest(name, named)}{_choices(named)}")


def _is_file(name: str) -> bool:
    try:
        return Path(name).expanduser().is_file()
    except (OSError, RuntimeError):  # too long for a name; nobody's home
        return False


def _nearest(name: str, named: Collection[str]) -> str:
    import difflib

    lower = {style.lower(): style for style in named}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    return f"did you mean {lower[near[0]]}? " if near else ""


def _choices(named: Collection[str]) -> str:
    return f"styles are {', '.join(named) or 'none yet'}, or give an audio file"


def _mean_key(keys: list[tuple[int | None, float]]) -> int | None:
    if any(key is None for key, _ in keys):
        return None
    return round(sum(key * weight for key, weight in keys if key is not None))
