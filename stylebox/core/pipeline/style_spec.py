"""What a user writes for a style: a name, an audio file, or a weighted blend of them. Knows no model."""

from dataclasses import dataclass
from pathlib import Path

from stylebox.core.errors import ModelError
from stylebox.core.file_names import safe_name
from stylebox.core.paths import expanded


@dataclass(frozen=True)
class StyleSpec:
    """A style as it was written, taken apart.

    Attributes:
        text: As it was written. A style or a file may have this whole text for its name.
        parts: Names or files, each with its weight; weights need not sum to 1.
    """

    text: str
    parts: tuple[tuple[str, float], ...]

    @classmethod
    def parse(cls, text: str) -> "StyleSpec":
        """Take a text like ``"violin"``, ``"my_cello.wav"`` or ``"violin:0.7,flute:0.3"`` apart.

        A weight that is left out is 1. A file may have commas and colons in its name.

        Raises:
            ModelError: a weight is not a number from 0 up.

        >>> StyleSpec.parse("violin:0.7, flute").parts
        (('violin', 0.7), ('flute', 1.0))
        """
        if is_file(text):
            return cls(text, ((text, 1.0),))
        return cls(text, tuple(_weighted(part.strip()) for part in text.split(",") if part.strip()))

    @property
    def clips(self) -> list[Path]:
        """The files among its parts."""
        return [expanded(name) for name, _ in self.parts if is_file(name)]

    @property
    def slug(self) -> str:
        """The style as part of a file's name.

        >>> StyleSpec.parse("violin/section").slug, StyleSpec.parse("violin:0.7, English horn:0.3").slug
        ('violin_section', 'violin+English_horn')
        """
        words = [Path(name).stem if is_file(name) else name for name, _ in self.parts]
        return "+".join("_".join(safe_name(word).split()) for word in words)


def is_file(name: str) -> bool:
    """Whether a name is that of a file; a name too long for the system is not. One in a closed folder may be one."""
    try:
        return expanded(name).is_file()
    except PermissionError:
        return True
    except (OSError, ValueError):  # too long for a name; a null character
        return False


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
        raise ModelError(f"--style {part}: {weight} is not a weight; give a number from 0 up")
    return name.strip(), value
