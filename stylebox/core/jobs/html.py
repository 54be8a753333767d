"""A transfer as one HTML page without links to other files: players, spectrograms, settings, notes. Writes no file."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from stylebox import __version__
from stylebox.core.audio.io.write import encode_audio
from stylebox.core.music.notes import Note
from stylebox.core.music.register import key_name
from stylebox.core.pipeline.result import TransferResult

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
audio, img { width: 100% }
table { border-collapse: collapse }
td, th { padding: .15rem 1rem .15rem 0; text-align: left; font-weight: normal }
td { font-variant-numeric: tabular-nums }
.warning { border-left: .3rem solid #c80; padding-left: .7rem }
"""


def report_page(result: TransferResult, before: np.ndarray, source: str, picture: bytes) -> str:
    """The whole page. The same transfer gives the same page: it holds no time or date.

    Args:
        result: What was made.
        before: The input, at the result's rate.
        source: What the input is called.
        picture: PNG of the spectrograms.

    Shape:
        before ``(S,)``.
    """
    rate = result.sample_rate
    title = f"{source} in the style of {result.style}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f'<p class="warning">{escape(warning)}</p>' for warning in result.warnings),
        *([f"<p>{escape(result.moved)}</p>"] if result.moved else []),
        f"<h2>Before</h2>{_player(encode_audio(before, rate))}",
        f"<h2>After</h2>{_player(encode_audio(result.audio, rate))}",
        f'<h2>Spectrograms</h2><img alt="Spectrograms of input and output" src="{_data("image/png", picture)}">',
        f"<h2>Settings</h2>{_table(_settings(result))}",
        f"<h2>Notes</h2>{_notes(result.notes)}",
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n'
    )


def _settings(result: TransferResult) -> Iterable[tuple[str, str]]:
    """What it was made with; enough to make it again."""
    yield "model", result.model
    yield "style", result.style
    yield "seed", str(result.seed)
    yield "transposed by", f"{result.transpose:+d} semitones" if result.transpose else "nothing"
    for name, value in result.settings.details().items():
        shown = "depends on the instrument" if value is None else value
        yield name, f"{shown:g}" if isinstance(shown, float) else str(shown)
    yield "length", f"{result.seconds:.2f} s at {result.sample_rate} Hz"
    yield "made by", f"stylebox {__version__}"


def _notes(notes: Sequence[Note]) -> str:
    """The notes of the output, folded away."""
    if not notes:
        return "<p>None were found.</p>"
    head = "".join(f"<th>{name}</th>" for name in ("from", "to", "key", "velocity"))
    rows = "".join(
        f"<tr><td>{note.start_seconds:.2f} s</td><td>{note.end_seconds:.2f} s</td>"
        f"<td>{key_name(note.pitch)}</td><td>{note.velocity:.2f}</td></tr>"
        for note in notes
    )
    return f"<details><summary>{len(notes)} were found</summary><table><tr>{head}</tr>{rows}</table></details>"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


def _player(sound: bytes) -> str:
    """A player of a FLAC file: lossless, and every browser has it."""
    return f'<audio controls src="{_data("audio/flac", sound)}"></audio>'


def _data(kind: str, content: bytes) -> str:
    """Content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
