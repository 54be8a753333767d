"""Rate, channels and depth of an output: what the input has and the user asks for, as far as the file can hold it."""

from dataclasses import dataclass
from pathlib import Path

from stylebox.core.audio.io.write import BITS, MAX_CHANNELS, MP3_RATES, STREAM, check_format
from stylebox.core.pipeline.options import OutputFormat

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


def fit_format(output: Path, native: SoundFormat, requested: OutputFormat) -> FittedFormat:
    """The format of an output: that of the input, of more than 16 bits 24, or what the user asks for.

    Args:
        output: The file; its suffix is the format.
        native: Of the input; 0 bits if it has no depth.
        requested: What the user asks for.

    Raises:
        AudioError: the file cannot hold what the user asks for.
    """
    suffix = ".wav" if str(output) == STREAM else output.suffix.lower()
    rate, channels, lost = requested.rate_for(native.sample_rate), 1 if requested.mono else native.channels, []
    bits = requested.bits or (_FINE_BITS if native.bits > _USUAL_BITS and suffix in BITS else _USUAL_BITS)
    if suffix == ".mp3" and requested.sample_rate is None and rate not in MP3_RATES:
        lower = max(known for known in MP3_RATES if known <= rate)
        lost.append(f"{rate} Hz (MP3: {lower} Hz)")
        rate = lower
    if channels > (most := MAX_CHANNELS.get(suffix, channels)):
        lost.append(f"{channels} channels ({suffix[1:]} holds {most}; folded to mono)")
        channels = 1
    if requested.bits is None and suffix in BITS and bits not in BITS[suffix]:
        bits = _USUAL_BITS
    check_format(output, rate, channels, bits)
    return FittedFormat(SoundFormat(rate, channels, bits), tuple(lost))
