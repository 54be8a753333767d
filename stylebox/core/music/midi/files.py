"""Which files are MIDI files, and which of them belongs to a recording. Reads none."""

from pathlib import Path

from stylebox.core.file_names import folded

SUFFIXES = (".mid", ".midi", ".smf", ".kar", ".rmi")  # in lower case


def is_midi(path: Path) -> bool:
    """Whether a file's name is that of a MIDI file, in small or capital letters.

    >>> is_midi(Path("Song.MID"))
    True
    """
    return path.suffix.lower() in SUFFIXES


def midi_beside(recording: Path) -> Path | None:
    """The MIDI file with a recording's name in its folder, such as `a.MID` or `a.wav.mid` of `a.wav`; None without one.

    Of several, the first in the order of `SUFFIXES`. Upper case and the way accents are composed do not matter. A
    broken link counts, so that its reader names it. Of a recording that is a link, the notes may lie beside its target.
    """
    own = _midi_beside(recording)
    return _midi_beside(recording.resolve()) if own is None and recording.is_symlink() else own


def _midi_beside(recording: Path) -> Path | None:
    spellings = (spelling for suffix in SUFFIXES for spelling in (suffix, suffix.upper(), suffix.title()))
    candidates = (recording.with_suffix(spelling) for spelling in spellings)
    exact = next((path for path in candidates if _is_there(path)), None)
    if exact is not None:
        return exact
    wanted = {folded(recording.stem), folded(recording.name)}
    try:
        found = [path for path in recording.parent.iterdir() if is_midi(path) and folded(path.stem) in wanted]
    except OSError:
        return None
    ordered = sorted(found, key=lambda path: (SUFFIXES.index(path.suffix.lower()), path.name))
    return next((path for path in ordered if _is_there(path)), None)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file() or (path.is_symlink() and not path.exists())
    except OSError:  # too long for a name
        return False
