"""`stylebox styles` as a job: the styles of a model, and what its weights file tells about them. Loads no network."""

from dataclasses import dataclass, replace

from stylebox.core.music.style_names import sounds_of
from stylebox.core.store.library import Part, load_part, part_register, require_model, style_names


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
        learnt_from: The recordings that the style was trained on; None if the model does not tell.
    """

    name: str
    lowest_key: int | None = None
    highest_key: int | None = None
    usual_lowest_key: int | None = None
    usual_highest_key: int | None = None
    sounds: tuple[str, ...] = ()
    learnt_from: str | None = None


def list_styles(model: str) -> list[StyleInfo]:
    """List the styles of a model; the sounds of an instrument follow it.

    Args:
        model: Name of the model, or path of its folder.

    Raises:
        ModelError: There is no such model.
    """
    require_model(model)
    part = load_part(model, "ldm")
    names = style_names(part.tensors)
    return [_info(part, name, tuple(sounds_of(name, names))) for name in names]


def _info(part: Part, name: str, sounds: tuple[str, ...]) -> StyleInfo:
    """One style of an ldm part."""
    known = part.card.get("styles", {}).get(name, {})
    info = StyleInfo(name, sounds=sounds, learnt_from=known.get("learnt_from"))
    register = part_register(part, name)
    if register is None:
        return info
    return replace(
        info,
        lowest_key=register.low,
        highest_key=register.high,
        usual_lowest_key=register.usual_low,
        usual_highest_key=register.usual_high,
    )
