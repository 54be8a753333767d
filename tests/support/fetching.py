"""Lists of recordings, their sound as bytes, and what a fetch left in a folder."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile

from stylebox.core.sources.fetch.catalogue import Catalogue, parse_catalogue
from stylebox.core.sources.fetch.download import DownloadOptions
from stylebox.core.sources.fetch.report import FetchReport
from support.recordings import SAMPLE_RATE, melody, tree

Row = tuple[object, ...]
QUICK = DownloadOptions(backoff_seconds=0.01, timeout_seconds=10)


def vorbis() -> bytes:
    """An Ogg Vorbis file of 1.5 s."""
    stream = io.BytesIO()
    soundfile.write(stream, melody(1.5, 3), SAMPLE_RATE, format="OGG", subtype="VORBIS")
    return stream.getvalue()


def wav(seed: int = 1, seconds: float = 1.5, channels: int = 1, rate: int = SAMPLE_RATE) -> bytes:
    """A WAV file with other notes for each seed and channel."""
    audio = np.stack([melody(seconds, seed + i, rate) for i in range(channels)], axis=1)
    stream = io.BytesIO()
    soundfile.write(stream, audio, rate, format="WAV")
    return stream.getvalue()


def encoded(codec: str, container: str, rate: int = 48000) -> bytes:
    """A file of 1.5 s in any codec and container of FFmpeg's."""
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as output:
        track = output.add_stream(codec, rate=rate)
        assert isinstance(track, av.AudioStream)
        audio = melody(1.5, 3, rate)[None]
        frame = av.AudioFrame.from_ndarray(audio, format="fltp", layout="mono")
        frame.sample_rate = rate
        for part in av.AudioResampler(track.format.name, "mono", rate, track.frame_size or 1024).resample(frame):
            output.mux(track.encode(part))
        output.mux(track.encode(None))
    return stream.getvalue()


def catalogue(*rows: Row, header: str = "instrument,title,url,start,end", folder: Path | None = None) -> Catalogue:
    """A list with these rows, whose relative paths start from `folder`."""
    text = io.StringIO()
    csv.writer(text).writerows([header.split(","), *rows])
    return parse_catalogue(text.getvalue().encode(), "urls.csv", folder or Path.cwd())


def states(report: FetchReport) -> list[str]:
    """The state of each row."""
    return [outcome.state for outcome in report.outcomes]


def sounds(folder: Path) -> dict[str, bytes]:
    """The files below a folder, except those with times in them."""
    return {name: content for name, content in tree(folder).items() if not name.endswith(".json")}


def facts(folder: Path) -> dict[str, dict[str, Any]]:
    """Every JSON file below a folder, without the times."""
    found: dict[str, dict[str, Any]] = {}
    for path in folder.rglob("*.json"):
        found[path.relative_to(folder).as_posix()] = value = json.loads(path.read_text("utf-8"))
        value.pop("fetched", None)
    return found
