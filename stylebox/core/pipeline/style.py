"""A style specification turned into what the networks take: tokens and a vector, of one style or a blend."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import torch

from stylebox.core.audio.vibrato import blend_intonation
from stylebox.core.errors import ModelError
from stylebox.core.music.register import blend
from stylebox.core.music.style_names import choices, match_name, unknown_style
from stylebox.core.paths import expanded
from stylebox.core.pipeline.style_spec import StyleSpec, is_file
from stylebox.core.store.styles import Style

FromClip = Callable[[Path], Style]


def resolve_style(spec: StyleSpec, named: Mapping[str, Style], from_clip: FromClip) -> Style:
    """The style that a specification asks for.

    Args:
        spec: A name or a file stands alone; several are blended by their weights.
        named: The model's styles.
        from_clip: Reads the style of an audio file.

    Raises:
        ModelError: there is no such name or file, or all weights are 0.
    """
    if match_name(spec.text, named) or is_file(spec.text):
        return _one(spec.text, named, from_clip)
    if not spec.parts:
        raise ModelError(f"--style {spec.text!r} names nothing; {choices(named)}")
    total = sum(weight for _, weight in spec.parts)
    if total <= 0:
        raise ModelError(f"--style {spec.text}: the weights sum to 0; give at least one above 0")
    styles = [(_one(name, named, from_clip), weight / total) for name, weight in spec.parts]
    if len(styles) == 1:
        return styles[0][0]
    return Style(
        name=spec.text,
        tokens=torch.stack([style.tokens * weight for style, weight in styles]).sum(0),
        vector=torch.stack([style.vector * weight for style, weight in styles]).sum(0),
        register=blend([(style.register, weight) for style, weight in styles]),
        intonation=blend_intonation([(style.intonation, weight) for style, weight in styles]),
        sustained=sum(weight for style, weight in styles if style.sustained) > 0.5,
        remarks=tuple(remark for style, _ in styles for remark in style.remarks),
    )


def check_style(spec: StyleSpec, named: Collection[str]) -> None:
    """Raise before a recording is made what `resolve_style` would raise after it.

    Raises:
        ModelError: there is no such name or file, or all weights are 0.
    """
    empty = Style("", torch.zeros(0), torch.zeros(0))
    resolve_style(spec, dict.fromkeys(named, empty), lambda path: empty)


def _one(name: str, named: Mapping[str, Style], from_clip: FromClip) -> Style:
    """An exact name before a file, a file before a name in other spelling."""
    if name not in named and is_file(name):
        return from_clip(expanded(name))
    known = match_name(name, named)
    if known is None:
        raise ModelError(unknown_style(name, named))
    return named[known]
