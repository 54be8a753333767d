"""An evaluation as one self-contained HTML page: the table, sound and spectrograms of some cases. Writes no file."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from stylebox import __version__
from stylebox.core.audio.io.write import encode_audio
from stylebox.core.jobs.spectrogram_image import spectrogram

_RANGE_DB = 80.0  # from the loudest level of a spectrogram to black
_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse }
td, th { padding: .15rem 1rem .15rem 0; text-align: right; font-weight: normal; font-variant-numeric: tabular-nums }
td:first-child, th:first-child { text-align: left }
.sounds { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem }
audio, img { width: 100% } img { height: 9rem } figure { margin: 0 }
"""


@dataclass(frozen=True)
class AudioSample:
    """The output of one system for one case.

    Shape:
        ``audio`` is ``(S,)``.
    """

    case: str
    row: str
    audio: np.ndarray


def evaluation_page(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    remarks: Sequence[str],
    sounds: Sequence[AudioSample],
    sample_rate: int,
) -> str:
    """The whole page. The same evaluation gives the same page: it holds no time or date.

    Args:
        title: Heading of the page.
        columns: Headings of the table.
        rows: Cells of the table.
        remarks: Sentences under the table.
        sounds: Outputs to play and see, grouped by case.
        sample_rate: Of the sounds, in Hz.
    """
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<table><tr>{head}</tr>{body}</table>",
        "<p>Means, and the larger side of their 95 % bootstrap intervals.</p>",
        *(f"<p>{escape(remark)}</p>" for remark in remarks),
    ]
    for case in dict.fromkeys(sound.case for sound in sounds):
        figures = "".join(_figure(sound, sample_rate) for sound in sounds if sound.case == case)
        parts.append(f'<h2>{escape(case)}</h2><div class="sounds">{figures}</div>')
    parts.append(f"<p>Made by stylebox {__version__}.</p>")
    meta = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    inner = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{meta}<style>{_STYLE}</style></head><body>\n{inner}\n</body></html>\n'
    )


def _figure(sound: AudioSample, sample_rate: int) -> str:
    """Name, spectrogram and player of one output."""
    picture = _data("image/png", _picture(sound.audio, sample_rate))
    player = _data("audio/flac", encode_audio(sound.audio, sample_rate))
    name = escape(sound.row)
    return (
        f'<figure><figcaption>{name}</figcaption><img alt="Spectrogram of {name}" src="{picture}">'
        f'<audio controls preload="none" src="{player}"></audio></figure>'
    )


def _picture(audio: np.ndarray, sample_rate: int) -> bytes:
    """A spectrogram as PNG, one pixel per level."""
    from matplotlib.image import imsave  # slow to import

    levels, _ = spectrogram(audio, sample_rate)
    loudest, buffer = float(levels.max()), io.BytesIO()
    imsave(
        buffer,
        levels[::2],
        cmap="magma",
        origin="lower",
        vmin=loudest - _RANGE_DB,
        vmax=loudest + 1e-6,
        format="png",
        metadata={"Software": "stylebox"},  # not matplotlib and its version
    )
    return buffer.getvalue()


def _data(kind: str, content: bytes) -> str:
    """A data URL."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
