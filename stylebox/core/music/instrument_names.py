"""Names of instruments in other languages, from ``instrument_names.csv``, and how names are compared.

Knows no styles: a sound such as ``piano/upright`` is taken apart by `style_names`.
"""

import csv
import unicodedata
from functools import cache
from importlib import resources

LANGUAGES = ("english", "german", "french", "spanish", "italian")  # columns of the table; english: further names
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})  # as typed without such a key


def fold_name(name: str) -> str:
    """A name without the differences between spellings: lower case, no accents, one underscore for spaces and hyphens.

    >>> fold_name(" English  Horn "), fold_name("Flûte à bec"), fold_name("E-Gitarre")
    ('english_horn', 'flute_a_bec', 'e_gitarre')
    """
    text = unicodedata.normalize("NFKD", name.casefold().replace("’", "'"))
    text = "".join(" " if c in "-_" else c for c in text if not unicodedata.combining(c))
    return "_".join(text.split())


def plain_name(typed: str) -> str | None:
    """The instrument whose name in another language was typed, as ``instruments.csv`` calls it; None if there is none.

    >>> plain_name("Geige"), plain_name("Floete"), plain_name("chitarra"), plain_name("kazoo")
    ('violin', 'flute', 'guitar', None)
    """
    return _plain_names().get(fold_name(typed))


def names_for(instrument: str) -> tuple[str, ...]:
    """Its names in other languages, and further English ones.

    >>> names_for("flute")[:3]
    ('concert flute', 'transverse flute', 'Flöte')
    """
    return _table().get(instrument, ())


@cache
def _table() -> dict[str, tuple[str, ...]]:
    """Plain name -> all names of its row, each once."""
    text = (resources.files("stylebox.core.music") / "instrument_names.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    cells = {row["name"]: [name for language in LANGUAGES for name in row[language].split(";")] for row in rows}
    return {
        plain: tuple(dict.fromkeys(name.strip() for name in names if name.strip())) for plain, names in cells.items()
    }


@cache
def _plain_names() -> dict[str, str]:
    """Every folded spelling -> plain name."""
    spellings = {}
    for plain, names in _table().items():
        for name in names:
            spellings[fold_name(name)] = plain
            spellings[fold_name(name.casefold().translate(_UMLAUTS))] = plain
    return spellings
