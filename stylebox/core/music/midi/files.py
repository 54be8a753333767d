"""Which files are MIDI files, and which of them belongs to a recording. Reads none."""

from pathlib import Path

SUFFIXES = (".mid", ".midi", ".smf", ".kar", ".rmi")  # in lower case


def is_midi(path: Path) -> bool:
    """Whether a file's name is that of a MIDI file, in small or capital letters.

    >>> is_midi(Path("Song.MID"))
    True
    """
    return path.suffix.lower() in SUFFIXES


def midi_beside(recording: Path) -> Path | None:
    """The MIDI file with a recording's name in its folder, such as `a.MID` of `a.wav`; None if there is none.

    Of several, the first in the order of `SUFFIXES`.
    """
    spellings = (spelling for suffix in SUFFIXES for spelling in (suffix, suffix.upper(), suffix.title()))
    candidates = (recording.with_suffix(spelling) for spelling in spellings)
    return next((path for path in candidates if path.is_file()), None)
