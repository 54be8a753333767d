"""`stylebox styles` as a job: the styles of a model, and what its weights file tells about them. Loads no network."""

from dataclasses import dataclass, replace

from stylebox.core.errors import ModelError
from stylebox.core.music.instruments import INSTRUMENTS
from stylebox.core.music.register import Register
from stylebox.core.music.style_names import match_name, sounds_of, unknown_style
from stylebox.core.store.library import Part, load_part, model_family, require_model, style_names
from stylebox.core.store.styles import part_register
from stylebox.core.store.user_styles import UserStyle, user_styles
from stylebox.core.store.weights import group_of


@dataclass(frozen=True)
class StyleInfo:
    """A style of a model. Keys are MIDI numbers of the sounding pitch; None if the register is unknown.

    Attributes:
        name: An instrument, or one of its sounds.
        lowest_key: Lowest key of the playing range.
        highest_key: Highest key of the playing range.
        usual_lowest_key: Lowest key of the usual register.
        usual_highest_key: Highest key of the usual register.
        sounds: Names of the sounds of an instrument, such as ``upright``.
        learnt_from: The recordings that the style was trained on, or the user's clips; None if the model does not tell.
        own: Whether the user added it.
    """

    name: str
    lowest_key: int | None = None
    highest_key: int | None = None
    usual_lowest_key: int | None = None
    usual_highest_key: int | None = None
    sounds: tuple[str, ...] = ()
    learnt_from: str | None = None
    own: bool = False


def list_styles(model: str) -> list[StyleInfo]:
    """List the styles of a model; the sounds of an instrument follow it. Those that the user added come last.

    Args:
        model: Name of the model, or path of its folder.

    Raises:
        ModelError: There is no such model.
    """
    require_model(model)
    part = load_part(model, "ldm")
    own = user_styles() if model_family(model) == "base" else {}
    known = style_names(part.tensors)
    names = [*known, *(name for name in own if name not in known)]
    listed = [_info(part, name, tuple(sounds_of(name, names))) for name in known]
    return [*listed, *(_own_info(own[name]) for name in names[len(known) :])]


def find_style(name: str, model: str) -> StyleInfo:
    """One style of a model, or of the user.

    Args:
        name: In any case and language.
        model: Name of the model, or path of its folder.

    Raises:
        ModelError: There is no such style or model.
    """
    styles = {style.name: style for style in list_styles(model)}
    known = match_name(name, styles)
    if known is None:
        raise ModelError(unknown_style(name, styles, or_file=False))
    return styles[known]


def _own_info(style: UserStyle) -> StyleInfo:
    """A style that the user added."""
    register = INSTRUMENTS[style.like].register if style.like in INSTRUMENTS else style.register_of_clips
    info = StyleInfo(style.name, learnt_from=f"your clips: {', '.join(style.learnt_from)}", own=True)
    return _with_register(info, register)


def _info(part: Part, name: str, sounds: tuple[str, ...]) -> StyleInfo:
    """One style of an ldm part."""
    info = StyleInfo(name, sounds=sounds, learnt_from=group_of(part.card, "styles", name).get("learnt_from"))
    return _with_register(info, part_register(part, name))


def _with_register(info: StyleInfo, register: Register | None) -> StyleInfo:
    if register is None:
        return info
    return replace(
        info,
        lowest_key=register.low,
        highest_key=register.high,
        usual_lowest_key=register.usual_low,
        usual_highest_key=register.usual_high,
    )
