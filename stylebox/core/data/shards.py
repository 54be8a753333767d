"""A dataset as shards: a few large files and an index, in a folder or at any address that fsspec can write or read.

A shard is a tar file with the arrays of some recordings, named as in the dataset, so that any tar unpacks it there. The
index, `shards.json`, is written last and holds the manifest and the checksum of each shard. Knows nothing of training.
"""

import hashlib
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, Self

import fsspec
from pydantic import ValidationError, model_validator

from stylebox.core.config import Section
from stylebox.core.data.dataset import Dataset
from stylebox.core.data.manifest import CONTENT_FOLDER, Manifest, PlainName, Recording
from stylebox.core.errors import DatasetError, cannot_write, error_reason, is_disk_full
from stylebox.core.paths import entries
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.temporary_files import temporary_place

INDEX_NAME = "shards.json"
SHARDS_VERSION = 1
ARRAYS = re.compile(rf"(mels|audio|notes|{CONTENT_FOLDER}/[0-9a-f]+)/([^/]+)\.npy")
REFERENCE_SECONDS = 60.0  # of each timbre of an instrument, kept at hand for the style library
_COPY_BYTES = 1 << 20
_MAX_INDEX_BYTES = 1 << 29  # a recording takes about 600 bytes

Kind = Literal["valid", "reference", "train", "test"]


class Shard(Section):
    """One file of the index.

    Attributes:
        name: Of the file, beside the index; it changes with the content.
        kind: "train"; "reference": for training, too, and always kept at hand; "valid"; "test".
        size: In bytes.
        sha256: Of the file.
        files: The stems of the arrays in it.
    """

    name: PlainName
    kind: Kind
    size: int
    sha256: str
    files: tuple[PlainName, ...]


class ShardIndex(Section):
    """The content of `shards.json`."""

    format: int = SHARDS_VERSION
    manifest: Manifest
    shards: tuple[Shard, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Every recording that is used lies in a shard."""
        packed = {files for shard in self.shards for files in shard.files}
        if missing := [r.id for r in self.manifest.recordings if r.split != "unused" and r.files not in packed]:
            raise ValueError(f"no shard holds {missing[0]}")
        return self


def is_sharded(place: str) -> bool:
    """Whether a dataset is read as shards: an address, or a folder with an index of shards."""
    return "://" in place or (Path(place) / INDEX_NAME).is_file()


def write_shards(
    dataset: Dataset, place: str, shard_bytes: int = 256 << 20, progress: ProgressCallback = silent
) -> ShardIndex:
    """Write a dataset as shards. Shards that are there already, from an earlier try, are not written again.

    Args:
        dataset: To read; posteriors that lie in it go along.
        place: A folder, or an address for fsspec.
        shard_bytes: A shard ends with the recording that reaches this size.
        progress: Receives the progress.

    Raises:
        DatasetError: The place cannot be written to.
    """
    groups = list(_groups(dataset, shard_bytes))
    shards = []
    with reported(place, "written to"):
        system, root = open_place(place)
        system.makedirs(root, exist_ok=True)
        for number, (kind, files) in enumerate(groups):
            with tempfile.TemporaryFile(dir=temporary_place()) as packed:
                _pack(dataset.path, files, packed)
                size, sha256 = packed.tell(), _digest(packed)
                name = f"{kind}-{number:05d}-{sha256[:12]}.tar"
                if not _is_there(system, f"{root}/{name}", size):
                    _put(system, packed, f"{root}/{name}")
            shards.append(Shard(name=name, kind=kind, size=size, sha256=sha256, files=tuple(files)))
            progress(Progress("sharding", number + 1, len(groups), name))
        manifest = Manifest(mel=dataset.mel_config, rules=dataset.rules, recordings=dataset.recordings)
        index = ShardIndex(manifest=manifest, shards=tuple(shards))
        text = json.dumps(index.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        _put(system, io.BytesIO(text.encode()), f"{root}/{INDEX_NAME}")
    return index


def read_index(place: str) -> ShardIndex:
    """The index of shards at a place.

    Raises:
        DatasetError: There is none, it cannot be read, or it is damaged.
    """
    with reported(place, "read"):
        system, root = open_place(place)
        with system.open(f"{root}/{INDEX_NAME}", "rb") as file:
            content = file.read(_MAX_INDEX_BYTES + 1)
    if len(content) > _MAX_INDEX_BYTES:
        raise DatasetError(f"{place}: its {INDEX_NAME} is larger than {_MAX_INDEX_BYTES >> 20} MB")
    try:
        index = ShardIndex.model_validate_json(content)
    except (ValidationError, RecursionError) as error:
        raise DatasetError(f"{place}: its {INDEX_NAME} is damaged or of another version of stylebox") from error
    if index.format != SHARDS_VERSION:
        raise DatasetError(f"{place}: has shards of format {index.format}, this stylebox reads {SHARDS_VERSION}")
    return index


def open_place(place: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a place, and its path there."""
    system, root = fsspec.core.url_to_fs(place)
    return system, str(root).rstrip("/")


@contextmanager
def reported(place: str, verb: str) -> Iterator[None]:
    """Errors of file systems and networks within the block become one that names the place: it cannot be `verb`.

    Raises:
        DatasetError: The block raised an error.
    """
    try:
        yield
    except DatasetError:
        raise
    except ImportError as error:
        raise DatasetError(f"{place}: this kind of address needs another package ({error})") from error
    except FileNotFoundError as error:
        raise DatasetError(f"{place}: no shards here; write some with `stylebox build --shards`") from error
    except OSError as error:
        if is_disk_full(error):
            raise DatasetError(cannot_write(place, error)) from error
        raise DatasetError(f"{place}: cannot be {verb} ({error_reason(error)})") from error
    except Exception as error:
        raise DatasetError(f"{place}: cannot be {verb} ({type(error).__name__}: {error})") from error


def _groups(dataset: Dataset, shard_bytes: int) -> Iterator[tuple[Kind, list[str]]]:
    """The stems of each shard. Within a kind their order is that of a hash: any part is as mixed as the whole."""
    kinds = _kinds(dataset.recordings, dataset.mel_config.frames_per_second)
    for kind in ("valid", "reference", "train", "test"):
        group: list[str] = []
        size = 0
        for files in sorted((f for f, k in kinds.items() if k == kind), key=_hash):
            group.append(files)
            size += sum(path.stat().st_size for path in array_paths(dataset.path, files))
            if size >= shard_bytes:
                yield kind, group
                group, size = [], 0
        if group:
            yield kind, group


def _kinds(recordings: Sequence[Recording], frames_per_second: float) -> dict[str, Kind]:
    """The kind of each recording's arrays; those of a recording in several splits are kept at hand."""
    splits: dict[str, set[str]] = {}
    for recording in recordings:
        splits.setdefault(recording.files, set()).add(recording.split)
    seconds: dict[tuple[str, str | None], float] = {}
    kinds: dict[str, Kind] = {}
    for recording in sorted(recordings, key=lambda r: _hash(r.files)):
        found = splits[recording.files]
        if len(found) > 1:
            kinds[recording.files] = "reference"
        elif found == {"train"}:
            timbre = recording.instrument, recording.timbre
            kinds[recording.files] = "reference" if seconds.get(timbre, 0.0) < REFERENCE_SECONDS else "train"
            seconds[timbre] = seconds.get(timbre, 0.0) + recording.used_frames / frames_per_second
        elif found != {"unused"}:
            kinds[recording.files] = "valid" if "valid" in found else "test"
    return kinds


def _hash(files: str) -> bytes:
    return hashlib.sha256(files.encode()).digest()


def array_paths(folder: Path, files: str) -> list[Path]:
    """The arrays of a recording that lie in a dataset's folder, by the stem of their names."""
    places = [folder / "mels", folder / "audio", folder / "notes", *entries(folder / CONTENT_FOLDER)]
    return [path for place in places if (path := place / f"{files}.npy").is_file()]


def _pack(folder: Path, files: list[str], packed: IO[bytes]) -> None:
    """A tar of the arrays; the same arrays give the same bytes."""
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in (path for stem in files for path in array_paths(folder, stem)):
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = path.stat().st_size
            with path.open("rb") as stream:
                tar.addfile(member, stream)


def _digest(packed: IO[bytes]) -> str:
    packed.seek(0)
    return hashlib.file_digest(packed, "sha256").hexdigest()  # type: ignore[arg-type]


def _is_there(system: fsspec.AbstractFileSystem, path: str, size: int) -> bool:
    return bool(system.exists(path)) and system.size(path) == size


def _put(system: fsspec.AbstractFileSystem, content: IO[bytes], path: str) -> None:
    """Write a file under another name first: what bears the final name is whole."""
    partial = f"{path}.part"
    content.seek(0)
    with system.open(partial, "wb") as writing:
        while block := content.read(_COPY_BYTES):
            writing.write(block)
    system.mv(partial, path)
