"""Instruments: General MIDI programs, playing range, usual register, how they ring.

Rendering, transfer and evaluation read this one table. All keys are MIDI numbers of the sounding pitch (a double bass
sounds an octave below what is written, a piccolo an octave above). The *playing range* is that of a good player or of
a common model of the instrument; the *usual register* is where the centre of solo music mostly lies, not its ends.

Reference:
    Orchestral instruments: ranges and registers as in S. Adler, The Study of Orchestration (W. W. Norton), and N.
    Rimsky-Korsakov, Principles of Orchestration (its "range of greatest expression"), to the nearest plausible key.
    Keyboards and mallets: the keys of the common models. Other plucked, folk and electronic instruments: their tuning
    or, without one, the keys of the usual General MIDI range charts; their usual register is our choice, about the
    middle of the range. Flute and violin were also measured: a music tagger recognises transfers whose centre was moved
    to 70-92 (flute) and 62-88 (violin) more often than those left anywhere in the playing range. In 175 excerpts of
    12 s of real solos (piano 107, violin 40, guitar 22, others 6) each centre lies in the instrument's usual register.
"""

from dataclasses import dataclass

from stylebox.core.errors import SourceError
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
    sustained: bool  # bowed, blown or held; else struck or plucked and decaying
    release_seconds: float  # from the note's end until it is 60 dB down

    @property
    def register(self) -> Register:
        """Playing range and usual register."""
        return Register(self.low, self.high, self.usual_low, self.usual_high)


def _table() -> dict[str, Instrument]:
    rows: list[tuple[str, tuple[int, ...], int, int, int, int, bool, float]] = [
        # the eight that ship
        ("piano", (0, 1), 21, 108, 40, 86, False, 0.4),
        ("guitar", (24, 25), 40, 84, 45, 74, False, 0.4),
        ("harp", (46,), 23, 104, 48, 84, False, 1.2),
        ("violin", (40,), 55, 98, 62, 88, True, 0.2),
        ("flute", (73,), 60, 96, 70, 92, True, 0.15),
        ("cello", (42,), 36, 81, 43, 67, True, 0.25),
        ("clarinet", (71,), 50, 91, 58, 82, True, 0.15),
        ("trumpet", (56,), 54, 86, 60, 81, True, 0.15),
        # keys and mallets
        ("honky_tonk_piano", (3,), 21, 108, 45, 84, False, 0.4),
        ("electric_piano", (4, 5), 28, 100, 43, 79, False, 0.4),
        ("harpsichord", (6,), 29, 89, 45, 79, False, 0.3),
        ("clavinet", (7,), 29, 88, 40, 69, False, 0.2),
        ("celesta", (8,), 60, 108, 72, 96, False, 0.8),
        ("glockenspiel", (9,), 79, 108, 84, 103, False, 1.0),
        ("music_box", (10,), 60, 100, 72, 91, False, 0.8),
        ("vibraphone", (11,), 53, 89, 60, 82, False, 1.0),
        ("marimba", (12,), 45, 96, 52, 81, False, 0.5),
        ("xylophone", (13,), 65, 108, 72, 98, False, 0.4),
        ("tubular_bells", (14,), 60, 77, 60, 77, False, 1.5),
        ("dulcimer", (15,), 48, 84, 55, 79, False, 0.8),
        ("kalimba", (108,), 48, 84, 60, 79, False, 0.6),
        ("steel_drums", (114,), 52, 88, 60, 81, False, 0.6),
        # organs and free reeds
        ("organ", (16, 17, 18), 36, 96, 48, 84, True, 0.1),
        ("church_organ", (19,), 36, 96, 48, 84, True, 0.4),
        ("reed_organ", (20,), 36, 89, 48, 79, True, 0.2),
        ("accordion", (21, 23), 53, 93, 60, 84, True, 0.15),
        ("harmonica", (22,), 60, 96, 64, 86, True, 0.15),
        # plucked
        ("jazz_guitar", (26,), 40, 84, 45, 74, False, 0.4),
        ("electric_guitar", (27, 28), 40, 86, 45, 76, False, 0.3),
        ("distorted_guitar", (29, 30), 40, 86, 45, 76, True, 0.3),
        ("acoustic_bass", (32,), 28, 60, 31, 50, False, 0.3),
        ("electric_bass", (33, 34, 35), 28, 60, 31, 50, False, 0.3),
        ("sitar", (104,), 48, 77, 52, 72, False, 0.5),
        ("banjo", (105,), 48, 84, 55, 76, False, 0.3),
        ("shamisen", (106,), 50, 79, 55, 74, False, 0.3),
        ("koto", (107,), 48, 88, 55, 79, False, 0.6),
        ("pizzicato_strings", (45,), 36, 88, 45, 79, False, 0.3),
        # strings and voices
        ("viola", (41,), 48, 86, 53, 77, True, 0.2),
        ("contrabass", (43,), 28, 62, 31, 52, True, 0.3),
        ("tremolo_strings", (44,), 36, 91, 48, 84, True, 0.3),
        ("string_ensemble", (48, 49), 36, 96, 48, 84, True, 0.4),
        ("synth_strings", (50, 51), 36, 96, 48, 84, True, 0.4),
        ("fiddle", (110,), 55, 96, 62, 86, True, 0.2),
        ("choir", (52,), 43, 84, 53, 76, True, 0.4),
        ("voice", (53, 54), 43, 84, 53, 76, True, 0.3),
        # brass
        ("trombone", (57,), 40, 77, 46, 67, True, 0.15),
        ("tuba", (58,), 26, 65, 34, 53, True, 0.2),
        ("muted_trumpet", (59,), 54, 84, 60, 79, True, 0.15),
        ("french_horn", (60,), 41, 77, 48, 72, True, 0.2),
        ("brass_section", (61,), 41, 84, 48, 74, True, 0.2),
        ("synth_brass", (62, 63), 36, 84, 48, 74, True, 0.2),
        # reeds and pipes
        ("saxophone", (65, 64, 66, 67), 49, 84, 54, 76, True, 0.15),
        ("oboe", (68,), 58, 91, 65, 84, True, 0.15),
        ("english_horn", (69,), 52, 81, 57, 76, True, 0.15),
        ("bassoon", (70,), 34, 75, 41, 62, True, 0.15),
        ("piccolo", (72,), 74, 108, 79, 98, True, 0.15),
        ("recorder", (74,), 60, 96, 69, 91, True, 0.1),
        ("pan_flute", (75,), 60, 96, 69, 88, True, 0.2),
        ("bottle", (76,), 55, 86, 62, 81, True, 0.2),
        ("shakuhachi", (77,), 55, 84, 62, 81, True, 0.2),
        ("whistle", (78,), 60, 100, 72, 91, True, 0.1),
        ("ocarina", (79,), 60, 96, 69, 88, True, 0.1),
        ("bagpipe", (109,), 55, 84, 62, 79, True, 0.1),
        ("shanai", (111,), 55, 84, 60, 79, True, 0.1),
        # synthesisers
        ("square_lead", (80,), 36, 96, 55, 84, True, 0.1),
        ("saw_lead", (81,), 36, 96, 55, 84, True, 0.1),
        ("calliope_lead", (82,), 48, 96, 60, 84, True, 0.2),
        ("charang_lead", (84,), 36, 91, 50, 79, True, 0.2),
        ("warm_pad", (89,), 36, 91, 48, 79, True, 0.6),
        ("poly_pad", (90,), 36, 91, 48, 79, True, 0.5),
    ]
    return {row[0]: Instrument(*row) for row in rows}


INSTRUMENTS: dict[str, Instrument] = _table()
SHIPPED = ("piano", "guitar", "harp", "violin", "flute", "cello", "clarinet", "trumpet")


def instrument(name: str) -> Instrument:
    """The instrument called `name`.

    Raises:
        SourceError: there is none of that name; the message offers the nearest.
    """
    import difflib

    if name in INSTRUMENTS:
        return INSTRUMENTS[name]
    near = difflib.get_close_matches(name, INSTRUMENTS, n=3, cutoff=0.4)
    raise SourceError(f"{name}: no such instrument; try {', '.join(near or SHIPPED)}")


def instruments_named(names: str | None) -> list[str]:
    """Names with commas between; "all" is every instrument there is, None those that ship.

    >>> instruments_named("harp, flute")
    ['harp', 'flute']
    """
    if names is None:
        return list(SHIPPED)
    if names.strip() == "all":
        return list(INSTRUMENTS)
    return [name.strip() for name in names.split(",")]
