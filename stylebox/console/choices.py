"""Values that options accept: the choices, and parsers for text with a form of its own."""

from dataclasses import dataclass
from enum import StrEnum

from typer import BadParameter


class DeviceName(StrEnum):
    """Computing device of the networks."""

    auto = "auto"
    cuda = "cuda"
    mps = "mps"
    cpu = "cpu"


class StageName(StrEnum):
    """Part of a model that can be trained."""

    vae = "vae"
    ldm = "ldm"
    content = "content"
    vocoder = "vocoder"


class VocoderName(StrEnum):
    """Method that turns a mel spectrogram into audio."""

    auto = "auto"
    neural = "neural"
    harmonic = "harmonic"
    griffin_lim = "griffin-lim"


class CodecName(StrEnum):
    """Format that recordings can be converted to."""

    mp3 = "mp3"
    flac = "flac"
    wav = "wav"


class BitsName(StrEnum):
    """Bits per sample of outputs."""

    sixteen = "16"
    twenty_four = "24"
    thirty_two = "32"


class FormatName(StrEnum):
    """Format of outputs."""

    wav = "wav"
    flac = "flac"
    ogg = "ogg"
    mp3 = "mp3"
    m4a = "m4a"
    opus = "opus"


@dataclass(frozen=True)
class Share:
    """One of several equal shares.

    Attributes:
        number: From 1 to `count`.
        count: How many there are.
    """

    number: int
    count: int


def share(text: str) -> Share:
    """Parse a share such as ``2/8``, the second of eight.

    Raises:
        BadParameter: The text is not a share.
    """
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise BadParameter(f"{text!r} is not a share; write for example 2/8, the second of eight")
    return Share(int(number), int(count))


def bytes_per_second(text: str) -> float:
    """Parse a rate such as ``500k`` or ``2M``.

    Returns:
        Bytes per second, above 0.

    Raises:
        BadParameter: The text is not a rate.
    """
    unit = {"k": 1e3, "m": 1e6, "g": 1e9}.get(text[-1:].lower())
    try:
        rate = float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise BadParameter(f"{text!r} is not a rate; write for example 500k or 2M")
    return rate


def record_device(text: str) -> DeviceName:
    """Parse ``record --device``, which named the microphone until `--input` did.

    Raises:
        BadParameter: The text is not a computing device.
    """
    try:
        return DeviceName(text)
    except ValueError:
        names = ", ".join(DeviceName)
        raise BadParameter(f"{text!r} is not one of {names}; choose the microphone with --input") from None
