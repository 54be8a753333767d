"""`stylebox styles` as a job: what `--style` takes by name, and what the model's file says of it. Loads no network."""

from dataclasses import dataclass, replace

from stylebox.core.music.style_names import sounds_of
from stylebox.core.store.library import Part, load_part, part_register, require_model, style_names


@dataclass(frozen=True)
class StyleInfo:
    """One style by name. Keys are MIDI numbers of the sounding pitch; None where the register is unknown.

    Attributes:
        lowest_key: Of the playing range.
        highest_key: Of the playing range.
        usual_lowest_key: Of the usual register.
        usual_highest_key: Of the usual register.
        sounds: Of an instrument: the sounds that have names of their own.
        learnt_from: The recordings it was learnt from, if the model says.
    """

    name: str
    lowest_key: int | None = None
    highest_key: int | None = None
    usual_lowest_key: int | None = None
    usual_highest_key: int | None = None
    sounds: tuple[str, ...] = ()
    learnt_from: str | None = None


def list_styles(model: str) -> list[StyleInfo]:
    """What `--style` takes by name, sounds after their instruments.

    Raises:
        ModelError: there is no such model.
    """
    require_model(model)
    part = load_part(model, "ldm")
    names = style_names(part.tensors)
    return [_info(part, name, tuple(sounds_of(name, names))) for name in names]


def _info(part: Part, name: str, sounds: tuple[str, ...]) -> StyleInfo:
    """One style of an ldm part."""
    said = part.card.get("styles", {}).get(name, {})
    info = StyleInfo(name, sounds=sounds, learnt_from=said.get("learnt_from"))
    at = part_register(part, name)
    if at is None:
        return info
    return replace(
        info, lowest_key=at.low, highest_key=at.high, usual_lowest_key=at.usual_low, usual_highest_key=at.usual_high
    )
