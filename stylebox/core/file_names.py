"""File names from titles: valid on every operating system, and never outside their folder."""

import os
import re
import unicodedata
from collections.abc import Callable

MAX_BYTES = 120  # of a name in UTF-8; leaves room for a number, a suffix, and decomposed accents
MAX_NAME_BYTES = 255  # of any name in a folder
MAX_OUTPUT_BYTES = 240  # of a file that we name; leaves room for a number
_RESERVED = re.compile(r'[<>:"/\\|?*]+')
_WINDOWS = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"
}
_JOINERS = "\u200c\u200d"  # part of the spelling of some scripts and emoji
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, direction marks, surrogates, unassigned


def safe_name(text: str) -> str:
    """Convert a title to a file name without suffix: composed Unicode, no reserved characters, not hidden, not long.

    >>> safe_name("../../evil"), safe_name("AC/DC: Live?"), safe_name("  "), safe_name("con")
    ('evil', 'AC_DC_ Live_', 'untitled', 'con_')
    """
    text = unicodedata.normalize("NFC", text)
    text = "".join(" " if c.isspace() else c for c in text)
    text = "".join(c for c in text if c in _JOINERS or unicodedata.category(c) not in _INVISIBLE)
    text = " ".join(_RESERVED.sub("_", text).split())
    while text.startswith((".", "_", "-", " ")) and text.strip("._- "):
        text = text[1:]  # a hidden file, or an option of a command
    encoded = text.encode()[:MAX_BYTES]
    text = encoded.decode(errors="ignore").rstrip(f". {_JOINERS}")
    if not text.strip("._- "):
        return "untitled"
    if text.split(".")[0].rstrip().casefold() in _WINDOWS:
        first, dot, rest = text.partition(".")
        text = f"{first.rstrip()}_{dot}{rest}"
    return text


def readable(name: str) -> str:
    r"""A name as text: bytes that are no Unicode, as old systems wrote them, become their hexadecimal codes.

    >>> readable("Geige.wav"), readable("caf\udce9.wav")
    ('Geige.wav', 'caf\\xe9.wav')
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shortened(name: str, max_bytes: int) -> str:
    """Give the beginning of a name that has at most so many bytes, without half a character.

    >>> shortened("étude", 4), shortened("étude", 9)
    ('étu', 'étude')
    """
    encoded = os.fsencode(name)
    return name if len(encoded) <= max_bytes else encoded[:max_bytes].decode(errors="ignore")


def folded(name: str) -> str:
    """Fold case and compose accents, so that names that some system treats as equal are equal."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def numbered(name: str, is_free: Callable[[str], bool]) -> str:
    """Give `name`, or the first of `name (2)`, `name (3)`, ... that is free."""
    candidate, number = name, 1
    while not is_free(candidate):
        number += 1
        candidate = f"{name} ({number})"
    return candidate
