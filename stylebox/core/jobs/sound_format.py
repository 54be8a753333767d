"""Rate, channels and depth of an output: what the input has and the user asks for, as far as the file can hold it."""

from dataclasses import dataclass
from pathlib import Path

from stylebox.core.audio.io.formats import FORMATS
from stylebox.core.audio.io.tags import keeps_cover
from stylebox.core.audio.io.write import check_format
from stylebox.core.pipeline.options import OutputFormat
from stylebox.core.standard_streams import STREAM

_USUAL_BITS, _FINE_BITS = 16, 24


@dataclass(frozen=True)
class SoundFormat:
    """How a sound is stored.

    Attributes:
        sample_rate: In Hz.
        channels: Number of channels.
        bits: Per sample; formats that lose something have no depth, and 16 here.
    """

    sample_rate: int
    channels: int
    bits: int


@dataclass(frozen=True)
class FittedFormat:
    """The format of an output.

    Attributes:
        sound: What the file has.
        lost: What the input has and the file cannot hold, a few words each.
    """

    sound: SoundFormat
    lost: tuple[str, ...] = ()

    @property
    def warning(self) -> list[str]:
        """A line that names all that is lost; none where nothing is."""
        return [f"not kept: {', '.join(self.lost)}"] if self.lost else []


def fit_format(output: Path, native: SoundFormat, requested: OutputFormat, cover: bytes = b"") -> FittedFormat:
    """The format of an output: that of the input, of more than 16 bits 24, or what the user asks for.

    Args:
        output: The file; its suffix is the format.
        native: Of the input; 0 bits if it has no depth.
        requested: What the user asks for.
        cover: Picture of the input; empty if it has none.

    Raises:
        AudioError: the file cannot hold what the user asks for.
    """
    suffix = ".wav" if str(output) == STREAM else output.suffix.lower()
    check_format(output)
    format, lost = FORMATS[suffix], []
    rate, channels = requested.rate_for(native.sample_rate), 1 if requested.mono else native.channels
    if requested.sample_rate is None and (nearest := format.nearest_rate(rate)) != rate:
        lost.append(f"{native.sample_rate} Hz ({format.name}: {nearest} Hz)")
        rate = nearest
    if channels > format.max_channels:
        lost.append(f"{channels} channels ({suffix[1:]} holds {format.max_channels}; folded to mono)")
        channels = 1
    if not keeps_cover(suffix, cover):
        lost.append(f"the cover ({suffix[1:]} holds JPEG and PNG)")
    fine = native.bits > _USUAL_BITS and _FINE_BITS in format.bits
    bits = requested.bits or (_FINE_BITS if fine else _USUAL_BITS)
    check_format(output, rate, channels, bits)
    return FittedFormat(SoundFormat(rate, channels, bits), tuple(lost))
