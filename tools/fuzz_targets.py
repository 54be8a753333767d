"""The parsers of files from strangers, each as a function of bytes, for the fuzzer and for the tests.

A target returns where the bytes are valid, raises `StyleboxError` where they are not, and does nothing else.
"""

import io
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest.mock import patch

import numpy as np

from stylebox.core.audio.io.containers import behind, flac
from stylebox.core.audio.io.containers.avi import Chunks
from stylebox.core.audio.io.containers.boxes import edit_list, sounds
from stylebox.core.audio.io.containers.frame_sizes import frames_bytes
from stylebox.core.audio.io.containers.ogg import links, set_plain_serial
from stylebox.core.audio.io.containers.parts import parts
from stylebox.core.audio.io.read import AudioReader
from stylebox.core.config import load_preset
from stylebox.core.data.dataset import mapped
from stylebox.core.data.manifest import MANIFEST_NAME, read_manifest
from stylebox.core.data.shards import INDEX_NAME as SHARDS_NAME
from stylebox.core.data.shards import array_paths
from stylebox.core.data.streamed import StreamedDataset, unpack
from stylebox.core.evaluation.listening.ratings import read_ratings, screen
from stylebox.core.music.midi.read import read_midi
from stylebox.core.paths import styles_dir
from stylebox.core.pipeline.style_spec import StyleSpec
from stylebox.core.sources.fetch.catalogue import parse_catalogue
from stylebox.core.sources.fetch.index import INDEX_NAME, FetchIndex
from stylebox.core.sources.render.sample_index import read_index
from stylebox.core.sources.sidecar import read_sidecar, sidecar_path
from stylebox.core.store.names import own_style_names, styles_of_model
from stylebox.core.store.user_styles import user_styles
from stylebox.core.store.weights import load_weights
from stylebox.core.training.checkpoint import STATE_FILE, load_state

Target = Callable[[bytes], object]


def _file(name: str, read: Callable[[Path], object]) -> Target:
    """A target that finds the bytes in a file of that name and is given the file's folder."""

    def run(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / name).write_bytes(data)
            read(Path(folder))

    return run


def _catalogue(data: bytes) -> None:
    parse_catalogue(data, "list.csv", Path("/nowhere"))


def _style(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert StyleSpec.parse(text).slug.isprintable()


def _ogg(data: bytes) -> None:
    stream = io.BytesIO(data)
    for start, end, *_ in links(stream):
        assert 0 <= start < end
    set_plain_serial(stream)


def _boxes(data: bytes) -> None:
    stream = io.BytesIO(data)
    for part in sounds(stream):
        part.stream.read(64)
    edits = edit_list(stream, 1)
    assert all(edit.seconds >= 0 for edit in edits)


def _parts(data: bytes) -> None:
    stream = io.BytesIO(data)
    for part in parts(stream):
        part.stream.read(64)
        assert 0 <= part.share <= 1
        assert part.unread >= 0


def _behind(data: bytes) -> None:
    """What is looked at behind the last packet of a file, as if it were the whole file."""
    stream = io.BytesIO(data)
    names = "flv mpeg mpegts rm wv mpc8 voc avi asf matroska dsf iff wtv swf"
    for name in names.split():
        assert (behind.end(stream, {name}, 0, 0) or 0) >= 0
    chunks = Chunks(stream, 0)
    assert chunks.before(len(data)) >= 0
    assert chunks.missing(0) >= 0
    assert 0 <= frames_bytes(data) <= len(data)
    assert 0 <= flac.unread_bytes(stream, len(data) // 2) <= len(data)


def _audio(folder: Path) -> None:
    with AudioReader(folder / "sound") as reader:
        for done, block in enumerate(reader):
            assert block.ndim == 2
            if done > 64:  # enough of a file that claims to be long
                break


def _user_style(folder: Path) -> None:
    with patch.dict(os.environ, STYLEBOX_HOME=str(folder)):
        styles_dir().mkdir()
        (folder / "a.json").rename(styles_dir() / "a.json")
        (styles_dir() / "a.flac").touch()
        own_style_names()
        for style in user_styles().values():
            assert style.path.parent == styles_dir()
            assert style.register_of_clips is None or style.keys is not None


def _styles_of_model(folder: Path) -> None:
    """The Tab key asks for them: no file may raise even an error of ours."""
    names = styles_of_model(str(folder))
    assert all(isinstance(name, str) for name in names)


def _shards(folder: Path) -> None:
    dataset = StreamedDataset(str(folder), folder / "unpacked")
    assert all(dataset.window(step, 200, 0).recordings for step in range(3))


def _shard(folder: Path) -> None:
    """The bytes are a shard that should hold arrays of a recording called `a`, which are then read."""
    unpack(folder / "a.tar", folder / "unpacked", {"a"})
    arrays = array_paths(folder / "unpacked", "a")
    assert sum(path.stat().st_size for path in arrays) <= (folder / "a.tar").stat().st_size
    for path in arrays:
        mapped(path, np.uint8, (None, 160))


TARGETS: Mapping[str, Target] = {
    "audio": _file("sound", _audio),
    "behind": _behind,
    "boxes": _boxes,
    "catalogue": _catalogue,
    "config": _file("a.toml", lambda folder: load_preset("tiny", folder / "a.toml")),
    "fetch_index": _file(INDEX_NAME, FetchIndex),
    "manifest": _file(MANIFEST_NAME, read_manifest),
    "midi": _file("a.mid", lambda folder: read_midi(folder / "a.mid")),
    "ogg": _ogg,
    "parts": _parts,
    "ratings": _file("a.csv", lambda folder: screen(read_ratings([folder / "a.csv"]))),
    "sample_index": _file("INDEX.tsv", read_index),
    "shard": _file("a.tar", _shard),
    "shards": _file(SHARDS_NAME, _shards),
    "sidecar": _file(sidecar_path(Path("a.wav")).name, lambda folder: read_sidecar(folder / "a.wav")),
    "state": _file(STATE_FILE, load_state),
    "style": _style,
    "style_names": _file("ldm.safetensors", _styles_of_model),
    "user_style": _file("a.json", _user_style),
    "weights": _file("a.safetensors", lambda folder: load_weights(folder / "a.safetensors")),
}
