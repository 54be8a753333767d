"""The recordings that `bench/sound.py` works on: what is transferred to what, and what it is compared with.

Inputs are the first seconds of real recordings at their own rate; each is transferred to every target that is not its
own instrument. A folder of recordings is `<instrument>/<name>.<suffix>`. Runs nothing and measures nothing.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from stylebox.core.audio.io.files import find_audio

TARGETS = ("piano", "guitar", "harp", "violin", "flute")
TREBLE_TARGETS = ("violin", "trumpet", "flute")  # whose energy above 11 kHz is measured
STRUCK = ("piano", "guitar", "harp")
SECONDS = 6.0  # of each input
TRUE_SECONDS, TRUE_SKIPPED = 12.0, 2.0  # of each true recording; left out at its start where it is long enough

# A clip gives the style, other recordings the music: (instrument, clip, contents), all by file name without suffix.
ONE_SHOT = (
    ("violin", "violin", ("sms-tools_sax-phrase", "piano", "clarinet", "ClassGuit")),
    (
        "flute",
        "flute_traversiere",
        ("sms-tools_cello-double", "piano", "trumpet", "bachviolin_john-garner_bwv1002_mov7"),
    ),
    ("guitar", "ClassicalGuitar", ("sms-tools_sax-phrase", "sms-tools_piano", "clarinet", "violin")),
    ("piano", "piano", ("sms-tools_sax-phrase", "ClassGuit", "trumpet", "bachviolin_john-garner_bwv1002_mov7")),
)
KNOWN = {  # aligned scores in data/truth: their recordings
    "john-garner_bwv1002_mov7.tsv": "phrases/violin/bachviolin_john-garner_bwv1002_mov7.ogg",
    "john-garner_bwv1002_mov8.tsv": "performances/violin/Garner_john-garner_bwv1002_mov8.opus",
}
KNOWN_SECONDS, KNOWN_STYLE = 25.0, "piano"
MINUTE = "performances/violin/Garner_john-garner_bwv1002_mov8.opus"  # its first minute is timed


@dataclass(frozen=True)
class Input:
    """A recording to transfer, or the first seconds of one."""

    path: Path
    instrument: str


def instrument_of(path: Path) -> str:
    """By the folder a recording lies in; guitars are all one here."""
    name = path.parent.name
    return "guitar" if name.endswith("guitar") else name


def recordings(*folders: Path) -> list[Path]:
    """All audio files below some folders, by name."""
    return sorted(path for folder in folders for path in find_audio(folder).files)


def read(path: Path) -> tuple[np.ndarray, int]:
    """A file as it is: mono float32 ``(S,)``, and its rate."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return audio.mean(axis=1), rate


def cut(source: Path, output: Path, seconds: float) -> Path:
    """The first seconds of a recording as WAV at its own rate, unless that is there already."""
    if not output.is_file():
        audio, rate = read(source)
        output.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(output, audio[: round(seconds * rate)], rate, subtype="PCM_24")
    return output


def make_inputs(sources: list[Path], folder: Path) -> list[Input]:
    """The first seconds of each source, in `folder`."""
    return [
        Input(cut(path, folder / instrument_of(path) / f"{path.stem}.wav", SECONDS), instrument_of(path))
        for path in sources
    ]


def make_pairs(inputs: list[Input], targets: tuple[str, ...], limit: int | None = None) -> list[tuple[Input, str]]:
    """Every input with every target that is not its own instrument; `limit` of them, drawn evenly, always the same."""
    pairs = [(given, target) for target in targets for given in inputs if given.instrument != target]
    if limit is None or limit >= len(pairs):
        return pairs
    return [pairs[int(index)] for index in np.linspace(0, len(pairs) - 1, limit).round()]


def true_recording(path: Path) -> tuple[np.ndarray, int]:
    """The part of a true recording that is measured."""
    audio, rate = read(path)
    wanted, skipped = round(TRUE_SECONDS * rate), round(TRUE_SKIPPED * rate)
    start = skipped if len(audio) >= wanted + skipped else 0
    return audio[start : start + wanted], rate
