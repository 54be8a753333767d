"""The styles of a model, as the file of its ldm part holds them: tensors, register, way of playing. Opens no file."""

from dataclasses import dataclass

from torch import Tensor

from stylebox.core.audio.vibrato import SUSTAINED, Intonation, intonation
from stylebox.core.errors import ModelError
from stylebox.core.music.instruments import INSTRUMENTS
from stylebox.core.music.register import Register
from stylebox.core.music.style_names import instrument_of, style_register
from stylebox.core.store.library import Part
from stylebox.core.store.names import style_names


@dataclass(frozen=True)
class Style:
    """A style of a model.

    Attributes:
        name: An instrument, one of its sounds, or a recording.
        tokens: Style tokens for the networks.
        vector: Style vector for the networks.
        register: Playing range and usual register; None if unknown.
        intonation: Vibrato and slides that the instrument can play.
        sustained: Whether a note lasts as long as it is played: true for bowed and blown instruments.
        remarks: What was left out of the recordings that it was computed from, with their names.

    Shape:
        tokens ``(K, D)``, vector ``(D',)``.
    """

    name: str
    tokens: Tensor
    vector: Tensor
    register: Register | None = None
    intonation: Intonation = SUSTAINED
    sustained: bool = True
    remarks: tuple[str, ...] = ()


def named_styles(part: Part) -> dict[str, Style]:
    """The styles of an ldm part, by name.

    Raises:
        ModelError: A style lacks a tensor, or has one of another shape.
    """
    styles = {}
    sizes = part.preset.style
    shapes = {"tokens": (sizes.num_tokens, sizes.token_dim), "vector": (sizes.vector_dim,)}
    for name in style_names(part.tensors):
        found = {kind: part.tensors.get(f"styles.{name}.{kind}") for kind in shapes}
        if any(tensor is None or tensor.shape != shapes[kind] for kind, tensor in found.items()):
            raise ModelError(f"{part.path}: style {name}: its tensors do not fit the networks; choose another file")
        tokens, vector = (part.tensors[f"styles.{name}.{kind}"].float() for kind in shapes)
        player = INSTRUMENTS.get(instrument_of(name))
        sustained = player is None or player.sustained
        playing = intonation(instrument_of(name), sustained)
        styles[name] = Style(name, tokens, vector, part_register(part, name), playing, sustained)
    return styles


def part_register(part: Part, name: str) -> Register | None:
    """The register of a style of an ldm part: of its instrument, or of the keys in its training recordings."""
    keys = part.tensors.get(f"styles.{name}.keys")
    return style_register(name, None if keys is None else keys.tolist())
