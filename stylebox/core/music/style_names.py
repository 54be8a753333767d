"""Names of styles: an instrument (``piano``) or one of its sounds (``piano/upright``). Knows no weights and no files.

A name may be typed with spaces or hyphens for underscores, in any case, and in one of five languages: ``English horn``
and ``corno inglese`` are ``english_horn``.
"""

import re
from collections.abc import Collection, Sequence

from stylebox.core.music.instrument_names import fold_name, names_for, plain_name
from stylebox.core.music.instruments import INSTRUMENTS
from stylebox.core.music.register import Register

SEPARATOR = "/"  # between instrument and sound
_COUNTS = {1: "one", 2: "two", 3: "three", 4: "four"}
_LEAST_LIKENESS = 0.65  # of a name that an error offers
_LISTED = 12  # most names that an error lists; if there are more, it names the command that lists them


def instrument_of(name: str) -> str:
    """The instrument of a style's name.

    >>> instrument_of("piano/upright"), instrument_of("piano")
    ('piano', 'piano')
    """
    return name.partition(SEPARATOR)[0]


def sounds_of(instrument: str, names: Collection[str]) -> list[str]:
    """The sounds of an instrument among `names`, in the same order, without the instrument's name.

    >>> sounds_of("piano", ["harp", "piano", "piano/soft", "piano/upright"])
    ['soft', 'upright']
    """
    return [name.partition(SEPARATOR)[2] for name in names if name.startswith(f"{instrument}{SEPARATOR}")]


def match_name(typed: str, names: Collection[str]) -> str | None:
    """The one of `names` that was typed; None if none matches, or several do.

    >>> match_name("English horn", ["english_horn", "french_horn"])
    'english_horn'
    >>> match_name("Klavier/upright", ["piano", "piano/upright"])
    'piano/upright'
    """
    if typed in names:
        return typed
    alike = [name for name in names if _folded(name) == _folded(typed)]
    if not alike:
        instrument, separator, sound = typed.partition(SEPARATOR)
        plain = f"{plain_name(instrument)}{separator}{sound}"
        alike = [name for name in names if _folded(name) == _folded(plain)]
    return alike[0] if len(alike) == 1 else None


def style_register(name: str, learnt_keys: Sequence[int] | None = None) -> Register | None:
    """The register of a style: its instrument's, or for an unknown instrument one around the keys it was trained on.

    Args:
        name: The style's name.
        learnt_keys: Lowest and highest MIDI number of the recordings it was trained on.
    """
    player = INSTRUMENTS.get(instrument_of(name))
    if player is not None:
        return player.register
    return None if learnt_keys is None else Register.from_recorded(*(int(key) for key in learnt_keys))


def describe_move(semitones: int, style: str) -> str:
    """One line for the user about a move by octaves into a style's register.

    >>> describe_move(12, "english_horn")
    "moved up one octave: into the english horn's register; --transpose 0 keeps the pitches"
    """
    octaves = abs(semitones) // 12
    count = f"{_COUNTS.get(octaves, octaves)} octave{'' if octaves == 1 else 's'}"
    named = re.fullmatch(r"[^\W\d]+(/[^./:,]+)?", style)
    where = f"the {instrument_of(style).replace('_', ' ')}'s register" if named else f"the register of {style}"
    return f"moved {'up' if semitones > 0 else 'down'} {count}: into {where}; --transpose 0 keeps the pitches"


def unknown_style(typed: str, names: Collection[str], or_file: bool = True) -> str:
    """Error message for an unknown style: lists the instrument's sounds, or suggests the nearest name.

    Args:
        typed: What was typed.
        names: Of all styles.
        or_file: Whether it could have been the name of an audio file.
    """
    instrument = match_name(instrument_of(typed), names)
    if SEPARATOR in typed and instrument is not None:
        sounds = sounds_of(instrument, names)
        known = f"its sounds are {', '.join(sounds)}" if sounds else f"it has one sound, --style {instrument}"
        also = ", and there is no such file" if or_file else ""
        return f"{instrument} has no sound {typed.partition(SEPARATOR)[2]!r}{also}; {known}"
    kinds = "style and no file" if or_file else "style"
    return f"no {kinds} {typed!r}; {_nearest(typed, names)}{choices(names, or_file)}"


def choices(names: Collection[str], or_file: bool = True) -> str:
    """What can be typed, for the end of an error message.

    Args:
        names: Of all styles.
        or_file: Whether an audio file would do as well.
    """
    also = ", or give an audio file" if or_file else ""
    instruments = list(dict.fromkeys(instrument_of(name) for name in names))
    if len(instruments) > _LISTED:
        return f"`stylebox styles` lists all {len(instruments)}{also}"
    return f"styles are {', '.join(instruments) or 'none yet'}{also}"


def _nearest(typed: str, names: Collection[str]) -> str:
    """The name that is spelt most like it; of several, one of ours before one in another language."""
    spellings = {_folded(name): name for name in names}
    for name in names:
        for other in names_for(name):
            spellings.setdefault(fold_name(other), f"{other} ({name})")
    if not spellings:
        return ""
    folded = _folded(typed)
    near = max(spellings, key=lambda spelling: _likeness(folded, spelling))
    return f"did you mean {spellings[near]}? " if _likeness(folded, near) >= _LEAST_LIKENESS else ""


def _likeness(a: str, b: str) -> float:
    """From 0 to 1; half of it ignores the order of letters, since two are often swapped."""
    import difflib

    return sum(difflib.SequenceMatcher(None, *pair).ratio() for pair in ((a, b), (sorted(a), sorted(b)))) / 2


def _folded(name: str) -> str:
    """A name without the differences between spellings, each part for itself."""
    return SEPARATOR.join(map(fold_name, name.split(SEPARATOR)))
