"""Text that any stream can show: no control codes, and no character that ends the program. Knows no terminal.

Names of files, titles and tags come from strangers. A terminal obeys the control codes in them, and a stream of another
encoding refuses characters that it lacks.
"""

import codecs
import unicodedata
from io import TextIOWrapper
from typing import TextIO

_CONTROLS = {"Cc", "Zl", "Zp"}  # control codes, separators of lines and paragraphs
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FILE_BYTES = range(0xDC80, 0xDD00)  # characters that stand for the bytes of a file name that is not Unicode
_OF_SEVERAL_BYTES = ("utf-16", "utf-32")  # encodings in which a single byte is no text
_HANDLER = "stylebox.escape"


def printable(text: str) -> str:
    r"""Replace what a terminal would obey instead of showing: control codes, line breaks and direction marks.

    >>> printable("a\x1b[31m.wav"), printable("Geige – Bach.wav")
    ('a\\x1b[31m.wav', 'Geige – Bach.wav')
    """
    if text.isprintable():
        return text
    return "".join(_escaped(c) if _obeyed(c) else c for c in text)


def encodable(text: str, stream: TextIO | None) -> bool:
    """Tell whether a stream can take a text unchanged."""
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def never_fail(stream: TextIO | None) -> None:
    """Make a stream write what its encoding lacks as an escape, and the bytes of file names unchanged."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors=_HANDLER)


def _obeyed(character: str) -> bool:
    return character in _DIRECTION_MARKS or unicodedata.category(character) in _CONTROLS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    """The error handler of an encoding: a file name's byte stays that byte where it can; all else becomes an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if ord(character) in _FILE_BYTES and not error.encoding.startswith(_OF_SEVERAL_BYTES):
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return _escaped(character), error.start + 1


codecs.register_error(_HANDLER, _replace)
