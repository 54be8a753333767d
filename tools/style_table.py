"""The table of the shipped styles: read for `assemble_base.py`, and written as docs/styles.md.

    python -m tools.style_table

`configs/base/styles.toml` says which timbre of the training material is had by which name, and what that timbre is.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stylebox.core.errors import ConfigError
from stylebox.core.music.instruments import INSTRUMENTS, instrument
from stylebox.core.music.register import key_name
from stylebox.core.music.style_names import instrument_of, sounds_of

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "configs" / "base" / "styles.toml"
PAGE = ROOT / "docs" / "styles.md"

HEAD = """\
# The shipped styles

Made by `python -m tools.style_table` from `configs/base/styles.toml`; do not edit. `stylebox styles` lists the
styles of any model.

`--style` takes a plain name (`piano`) or one of the instrument's sounds (`piano/upright`). Blanks, hyphens and capitals
do not matter: `"English horn"` is `english_horn`. If an instrument has several sounds, the plain name is the one in
bold, or a sound of its own if none is bold.

*Range* is the playing range. *Usual* is the register in which solo music mostly has its centre. Both are sounding pitch
(C4 is middle C). Music is transposed by octaves: most of its notes into the range, its centre into the usual register.
`--transpose 0` keeps the pitches. The sources of the figures are in `stylebox/core/music`.

## How the plain names were chosen

A music tagger (musicnn) knows six of the instruments. Every timbre of these six played six or seven real recordings of
other instruments, 6 s each, in the usual register, with the default settings of 2026-11-27. *Share* is the tagger's
share for the instrument. *F1* is that of the notes by the content encoder (50 ms, the transposition undone). The timbre
with the highest share was chosen; among timbres within 0.06, a real player, or recorded notes that keep more notes. The
other instruments were not compared: they have recorded notes, or a SoundFont if there are none.

| instrument | chosen | share | F1 | best of the others | share | F1 |
|---|---|---|---|---|---|---|
| piano | Salamander-9 | 0.86 | 0.95 | upright-KW-L | 0.89 | 0.94 |
| guitar | GuitarSet | 0.80 | 0.89 | HD28 | 0.80 | 0.88 |
| harp | FluidR3 | 0.27 | 0.78 | MuseScore General | 0.25 | 0.78 |
| violin | Kim | 0.77 | 0.80 | MuseScore General | 0.82 | 0.80 |
| flute | Philharmonia, mezzo-piano | 0.76 | 0.80 | Philharmonia, piano | 0.76 | 0.79 |
| cello | Philharmonia, forte | 0.29 | 0.83 | FluidR3 | 0.33 | 0.78 |

## The table
"""


@dataclass(frozen=True)
class NamedTimbre:
    """What a name stands for: the timbre in the training material, and a line on where that comes from."""

    timbre: str
    learnt_from: str


def read_style_table(path: Path = TABLE) -> dict[str, NamedTimbre]:
    """Every style's timbre, by name, in the order of the table.

    Raises:
        ConfigError: a name belongs to no instrument, an instrument has no plain name, or a timbre no source.
    """
    table = tomllib.loads(path.read_text("utf-8"))
    names: Mapping[str, str] = table["styles"]
    for name in names:
        if instrument_of(name) not in INSTRUMENTS:
            raise ConfigError(f"{path}: {name}: {instrument_of(name)} is no instrument of the table")
        if instrument_of(name) not in names:
            raise ConfigError(f"{path}: {name}: {instrument_of(name)} has no timbre of its own; add a line for it")
    return {
        name: NamedTimbre(timbre, _learnt_from(timbre, table.get("sources", {}), path))
        for name, timbre in names.items()
    }


def _learnt_from(timbre: str, sources: Mapping[str, str], path: Path) -> str:
    origin = timbre.partition("/")[2]
    for start, source in sources.items():
        if origin.startswith(start):
            return f"{source}: {origin}"
    raise ConfigError(f"{path}: {timbre}: no source begins like it; add one to [sources]")


def page(styles: Mapping[str, NamedTimbre]) -> str:
    """docs/styles.md."""
    return "\n".join(
        [HEAD, "| style | range | usual | sounds | learnt from |", "|---|---|---|---|---|", *_rows(styles), ""]
    )


def _rows(styles: Mapping[str, NamedTimbre]) -> Iterator[str]:
    for name, style in styles.items():
        if name != instrument_of(name):
            yield f"| `{name}` | | | | {style.learnt_from} |"
            continue
        at = instrument(name).register
        sounds = [
            f"**{sound}**" if styles[f"{name}/{sound}"].timbre == style.timbre else sound
            for sound in sounds_of(name, styles)
        ]
        keys = f"{key_name(at.low)} to {key_name(at.high)} | {key_name(at.usual_low)} to {key_name(at.usual_high)}"
        yield f"| `{name}` | {keys} | {', '.join(sounds)} | {style.learnt_from} |"


if __name__ == "__main__":
    PAGE.write_text(page(read_style_table()), encoding="utf-8")
