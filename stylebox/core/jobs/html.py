"""A transfer, or several of one recording, as one HTML page that needs no other file and no network. Writes no file.

The page plays the input and each output at the same position, draws the notes and the spectrograms, and offers all of
it for download. Its style and its script are in `html.css` and `html.js`; names that it shows are escaped.
"""

import base64
import hashlib
import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from stylebox import __version__
from stylebox.core.jobs.outputs import name_of, write_notes
from stylebox.core.jobs.shown_sound import ShownSound
from stylebox.core.jobs.spectrogram_image import (
    drawn,
    frequency_ticks,
    loudest_db,
    palette_png,
    png,
)
from stylebox.core.music.notes import Note, transpose
from stylebox.core.music.register import key_name
from stylebox.core.pipeline.result import TransferFacts
from stylebox.core.pipeline.style_spec import StyleSpec
from stylebox.core.temporary_files import temporary_folder

_KINDS = {".flac": "audio/flac", ".mp3": "audio/mpeg"}
_FEWEST_KEYS = 24  # rows of the piano roll
_SHORTCUTS = (  # of the computer's keyboard
    ("Space", "play, pause"),
    ("1 2 3", "choose a sound"),
    ("B", "next sound, same position"),
    ("← →", "2 seconds back, on"),
    ("L", "loop on, off"),
    ("[ ]", "start, end of the loop here"),
    ("Esc", "whole recording"),
    ("+ −", "zoom"),
    ("D", "dark, light"),
)


class _Track(NamedTuple):
    """A sound of the page: the input, or one output."""

    name: str
    stem: str  # of its files
    sound: ShownSound
    notes: list[Note]


def report_page(results: Sequence[TransferFacts], sounds: Sequence[ShownSound], source: str) -> str:
    """The whole page. The same transfers give the same page: it holds no time or date.

    Args:
        results: Transfers of one recording, at least one.
        sounds: The input, then the output of each transfer, with files of one format and at one rate.
        source: The input's path; "-" is standard input.
    """
    rate, suffix, name = sounds[0].sample_rate, sounds[0].suffix, name_of(source)
    stem = Path(name).stem
    heard = transpose(results[0].notes, -results[0].transpose)
    tracks = [_Track("Input", f"{stem}-input", sounds[0], heard)]
    tracks += [
        _Track(r.style, f"{stem}-{StyleSpec.parse(r.style).slug}", sound, r.notes)
        for r, sound in zip(results, sounds[1:], strict=True)
    ]
    seconds = max(sound.seconds for sound in sounds)
    shown = [(sound.levels, sound.step_seconds) for sound in sounds]
    loudest = loudest_db([levels for levels, _ in shown])
    images = [palette_png(levels, loudest) for levels, _ in shown]
    picture = png(drawn(shown, seconds, rate, [f"{track.name} ({name})" for track in tracks]))
    title = f"{name}: {', '.join(result.style for result in results)}"
    data = {
        "rate": rate,
        "kind": _KINDS[suffix],
        "seconds": seconds,
        "keys": _key_range(tracks),
        "columns": [step for _, step in shown],
        "widths": [levels.shape[1] * step for levels, step in shown],
        "notes": [[[n.start_seconds, n.end_seconds, n.pitch, n.velocity] for n in track.notes] for track in tracks],
    }
    parts = [
        f'<header><h1>{escape(title)}</h1><button id="theme" aria-label="dark or light">Dark</button></header>',
        *_remarks(results),
        _transport(tracks, seconds),
        *map(_player, tracks),
        '<h2>Notes</h2><canvas id="roll" role="img" aria-label="The notes over time. Click to play from there, '
        'drag to loop a part."></canvas>',
        '<p class="quiet">Click to play from there, drag to loop a part. The notes are those found in the input.</p>',
        f'<h2>Spectrograms</h2><div id="pictures">{_pictures(tracks, images, rate)}</div>',
        f"<h2>Download</h2>{_downloads(tracks, results, stem, picture, suffix)}",
        f"<h2>Settings</h2>{''.join(_settings(result, rate, source) for result in results)}",
        f"<details><summary>Keyboard</summary>{_table((f'<kbd>{k}</kbd>', m) for k, m in _SHORTCUTS)}</details>",
        f'<script type="application/json" id="data">{_json(data)}</script>',
        f"<script>{_file('html.js')}</script>",
    ]
    return "\n".join(["<!doctype html>", '<html lang="en">', _head(title), "<body>", *parts, "</body></html>", ""])


def _head(title: str) -> str:
    """Title, style, and a policy that forbids every request and every script but the page's own."""
    own = base64.b64encode(hashlib.sha256(_file("html.js").encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{own}'; style-src 'unsafe-inline'; "
        "img-src data:; media-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return (
        f'<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>\n{_file('html.css')}</style></head>"
    )


def _remarks(results: Sequence[TransferFacts]) -> Iterable[str]:
    """Warnings and moves into another register, each once."""
    yield from dict.fromkeys(f'<p class="warning">{escape(w)}</p>' for result in results for w in result.warnings)
    yield from (f"<p>{escape(result.moved)}</p>" for result in results if result.moved)


def _transport(tracks: Sequence[_Track], seconds: float) -> str:
    """The bar that stays on top: play, sounds, loop, zoom, position."""
    sounds = "".join(
        f'<button aria-pressed="false"><kbd>{number}</kbd>{escape(track.name)}</button>'
        for number, track in enumerate(tracks, 1)
    )
    return (
        '<div id="bar" hidden><button id="play">Play</button>'
        f'<div id="tracks" role="group" aria-label="Sound">{sounds}</div>'
        '<button id="loop" aria-pressed="false">Loop</button>'
        '<button id="in" aria-label="zoom in">+</button><button id="out" aria-label="zoom out">−</button>'
        '<span id="time"></span>'
        f'<input id="position" type="range" min="0" max="{seconds:.3f}" step="0.01" value="0" aria-label="Position">'
        "</div>"
    )


def _player(track: _Track) -> str:
    """A player with controls, which serves without a script, too."""
    name = f'<p class="fallback">{escape(track.name)}</p>'
    return f'{name}<audio controls preload="auto" src="{_data(_KINDS[track.sound.suffix], track.sound.file)}"></audio>'


def _pictures(tracks: Sequence[_Track], images: Sequence[bytes], rate: int) -> str:
    """A spectrogram per sound, all on the same axes and the same scale of levels."""
    ticks = "".join(
        f'<span class="axis" style="bottom: {100 * share:.2f}%">{_hertz(hz)}</span>'
        for hz, share in frequency_ticks(rate)
    )
    return "".join(
        f'<figure><figcaption>{escape(track.name)}</figcaption><div class="spectrogram">'
        f'<img alt="Spectrogram of {escape(track.name)}" src="{_data("image/png", image)}">{ticks}'
        '<span class="playhead"></span></div></figure>'
        for track, image in zip(tracks, images, strict=True)
    )


def _hertz(hz: int) -> str:
    return f"{hz} Hz" if hz < 1000 else f"{hz // 1000} kHz"


def _downloads(
    tracks: Sequence[_Track], results: Sequence[TransferFacts], stem: str, picture: bytes, suffix: str
) -> str:
    """Each sound, the notes of each output, the picture. The script gives the sounds their addresses."""
    names = [escape(f"{track.stem}{suffix}") for track in tracks]
    sounds = [f'<li><a data-track="{number}" download="{name}">{name}</a></li>' for number, name in enumerate(names)]
    notes = [
        _link(f"{track.stem}.mid", "audio/midi", _midi(result))
        for track, result in zip(tracks[1:], results, strict=True)
    ]
    links = [*sounds, *notes, _link(f"{stem}-spectrograms.png", "image/png", picture)]
    return f'<ul>{"".join(links)}</ul><button id="everything">Download everything</button>'


def _midi(result: TransferFacts) -> bytes:
    """The notes of an output as a MIDI file."""
    with temporary_folder() as folder:
        path = Path(folder) / "notes.mid"
        write_notes(path, result)
        return path.read_bytes()


def _link(name: str, kind: str, content: bytes) -> str:
    """A file to download."""
    return f'<li><a download="{escape(name)}" href="{_data(kind, content)}">{escape(name)}</a></li>'


def _settings(result: TransferFacts, rate: int, source: str) -> str:
    """What an output was made with, the command that makes it again, and its notes."""
    rows = [
        ("model", result.model),
        ("seed", str(result.seed)),
        ("transposed by", f"{result.transpose:+d} semitones" if result.transpose else "nothing"),
        *((name, _shown(value)) for name, value in result.settings.details().items()),
        ("length", f"{result.seconds:.2f} s at {rate} Hz"),
        ("made by", f"stylebox {__version__}"),
    ]
    table = _table((escape(name), escape(value)) for name, value in rows)
    first, *options = repeat_command(result, source).split(" --")  # a line must not end within an option
    again = " ".join(f"<span>{escape(part)}</span>" for part in (first, *(f"--{option}" for option in options)))
    return f"<h3>{escape(result.style)}</h3><pre>{again}</pre>{table}{_notes(result.notes)}"


def repeat_command(result: TransferFacts, source: str) -> str:
    """The command that makes an output again, for a POSIX shell.

    Args:
        result: What was made.
        source: The input's path.
    """
    options = [("style", result.style), ("model", result.model), ("seed", result.seed), ("transpose", result.transpose)]
    options += [(name, value) for name, value in result.settings.details().items() if value is not None]
    options += [(name, value) for name, value in asdict(result.settings.output).items() if value and value != "wav"]
    words = ["stylebox", "transfer", source]
    for name, value in options:
        words.append(f"--{name.replace('_', '-')}")
        words += [] if value is True else [f"{value:.10g}" if isinstance(value, float) else str(value)]
    return shlex.join(words)


def _shown(value: float | str | None) -> str:
    if value is None:
        return "depends on the instrument"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _notes(notes: Sequence[Note]) -> str:
    """The notes of an output, folded away."""
    if not notes:
        return "<p>No notes were found.</p>"
    rows = "".join(
        f"<tr><td>{note.start_seconds:.2f} s</td><td>{note.end_seconds:.2f} s</td>"
        f"<td>{key_name(note.pitch)}</td><td>{note.velocity:.2f}</td></tr>"
        for note in notes
    )
    head = "".join(f"<th>{name}</th>" for name in ("from", "to", "key", "velocity"))
    count = "1 note" if len(notes) == 1 else f"{len(notes)} notes"
    return f"<details><summary>{count}</summary><table><tr>{head}</tr>{rows}</table></details>"


def _key_range(tracks: Sequence[_Track]) -> tuple[int, int]:
    """The lowest and the highest key of the piano roll."""
    keys = [note.pitch for track in tracks for note in track.notes] or [60]
    spare = max(2, (_FEWEST_KEYS - (max(keys) - min(keys))) // 2)
    return min(keys) - spare, max(keys) + spare


def _table(rows: Iterable[tuple[str, str]]) -> str:
    """Rows of HTML."""
    return f"<table>{''.join(f'<tr><th>{name}</th><td>{value}</td></tr>' for name, value in rows)}</table>"


def _json(value: object) -> str:
    """JSON that cannot end the element it stands in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _data(kind: str, content: bytes) -> str:
    """Content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


@cache
def _file(name: str) -> str:
    """A file beside this module."""
    return files("stylebox.core.jobs").joinpath(name).read_text("utf-8")
