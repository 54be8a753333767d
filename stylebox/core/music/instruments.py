"""Instruments: General MIDI programs, playing range, usual register, sustain and release.

Rendering, transfer and evaluation read one table, ``instruments.csv``. All keys are MIDI numbers of the sounding pitch
(a double bass sounds an octave below what is written, a piccolo an octave above). The *playing range* is that of a good
player or of a common model of the instrument; the *usual register* is where the centre of solo music mostly lies, not
its ends.

Reference:
    Orchestral instruments: ranges and registers as in S. Adler, The Study of Orchestration (W. W. Norton), and N.
    Rimsky-Korsakov, Principles of Orchestration (its "range of greatest expression"), to the nearest plausible key.
    Keyboards and mallets: the keys of the common models. Other plucked, folk and electronic instruments: their tuning
    or, without one, the keys of the usual General MIDI range charts; their usual register is our choice, about the
    middle of the range. Flute and violin were also measured: a music tagger recognises transfers whose centre was moved
    to 70-92 (flute) and 62-88 (violin) more often than those left anywhere in the playing range. In 175 excerpts of
    12 s of real solos (piano 107, violin 40, guitar 22, others 6) each centre lies in the instrument's usual register.
"""

import csv
from dataclasses import dataclass
from importlib import resources

from stylebox.core.errors import SourceError
from stylebox.core.music.instrument_names import fold_name, plain_name
from stylebox.core.music.register import Register


@dataclass(frozen=True)
class Instrument:
    """One instrument by its plain name."""

    name: str
    programs: tuple[int, ...]  # General MIDI, counted from 0
    low: int  # playing range as MIDI numbers, both ends included
    high: int
    usual_low: int  # usual register, both ends included
    usual_high: int
    sustained: bool  # bowed, blown or held; otherwise struck or plucked, and decaying
    release_seconds: float  # from the end of a note until its level has fallen by 60 dB

    @property
    def register(self) -> Register:
        """Playing range and usual register."""
        return Register(self.low, self.high, self.usual_low, self.usual_high)


def _read_table() -> dict[str, Instrument]:
    """The instruments of ``instruments.csv`` by name, in its order."""
    text = (resources.files("stylebox.core.music") / "instruments.csv").read_text("utf-8")
    return {row["name"]: _instrument(row) for row in csv.DictReader(text.splitlines())}


def _instrument(row: dict[str, str]) -> Instrument:
    """One row of the table; its column ``family`` is for readers only."""
    return Instrument(
        name=row["name"],
        programs=tuple(int(program) for program in row["programs"].split()),
        low=int(row["low"]),
        high=int(row["high"]),
        usual_low=int(row["usual_low"]),
        usual_high=int(row["usual_high"]),
        sustained=row["sustained"] == "yes",
        release_seconds=float(row["release_seconds"]),
    )


INSTRUMENTS: dict[str, Instrument] = _read_table()
DEFAULT_INSTRUMENTS = ("piano", "guitar", "harp", "violin", "flute", "cello", "clarinet", "trumpet")


def instrument(name: str) -> Instrument:
    """The instrument called `name`, in one of five languages.

    Raises:
        SourceError: no instrument has that name; the message offers the nearest.
    """
    import difflib

    for known in (name, fold_name(name), plain_name(name)):
        if known in INSTRUMENTS:
            return INSTRUMENTS[known]
    near = difflib.get_close_matches(name, INSTRUMENTS, n=3, cutoff=0.4)
    raise SourceError(f"{name}: no such instrument; try {', '.join(near or DEFAULT_INSTRUMENTS)}")


def instruments_named(names: str | None) -> list[str]:
    """Split a list of names with commas between; "all" is every instrument, None eight frequent ones.

    Raises:
        SourceError: no instrument has one of the names.

    >>> instruments_named("harp, Flöte")
    ['harp', 'flute']
    """
    if names is None:
        return list(DEFAULT_INSTRUMENTS)
    if names.strip() == "all":
        return list(INSTRUMENTS)
    return [instrument(name.strip()).name for name in names.split(",")]
