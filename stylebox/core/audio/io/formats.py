"""The formats of sound files that are written, and what each can hold. Knows no encoder."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """What a format can hold.

    Attributes:
        name: As people call it.
        bits: Per sample; 32 is float. Formats that lose something have no depth, and 16 here.
        max_channels: The most channels.
        rates: In Hz; empty if any up to the highest will do.
        highest_rate: In Hz.
    """

    name: str
    bits: tuple[int, ...] = (16,)
    max_channels: int = 2
    rates: tuple[int, ...] = ()
    highest_rate: int = 0xFFFFFFFF

    def nearest_rate(self, sample_rate: int) -> int:
        """The rate to use for a sound: its own, or the next lower one, or the lowest.

        Args:
            sample_rate: Of the sound, in Hz.

        >>> FORMATS[".mp3"].nearest_rate(96000), FORMATS[".opus"].nearest_rate(44100)
        (48000, 48000)
        >>> FORMATS[".ogg"].nearest_rate(384000)
        192000
        """
        if not self.rates or sample_rate in self.rates:
            return min(sample_rate, self.highest_rate)
        return max((rate for rate in self.rates if rate < sample_rate), default=min(self.rates))


# By the number of channels: where each channel of Vorbis lies in the order of WAV, which all blocks have.
# Vorbis I, section 4.3.9: front left, centre, front right, sides or rear, low frequencies.
VORBIS_PLACES = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 4, 5, 3),
    7: (0, 2, 1, 5, 6, 4, 3),
    8: (0, 2, 1, 6, 7, 4, 5, 3),
}

_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)

FORMATS = {
    ".wav": Format("WAV", (16, 24, 32), 32),
    ".flac": Format("FLAC", (16, 24), 8, highest_rate=655_350),
    ".ogg": Format("Ogg Vorbis", max_channels=32, highest_rate=192_000),  # above 200 kHz libsndfile ends the process
    ".mp3": Format("MP3", rates=_MPEG_RATES),
    ".m4a": Format("AAC", rates=(*_MPEG_RATES, 64000, 88200, 96000)),
    ".opus": Format("Opus", rates=(48000,)),
}
