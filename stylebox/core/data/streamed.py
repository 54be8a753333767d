"""A dataset that is read as shards: those that training needs next are fetched, those that it has left are deleted.

Training goes through the shards of an epoch in windows, in an order that follows from the seed. Each process takes
shards of a window that no other process takes. Knows nothing of what is trained.
"""

import hashlib
import re
import shutil
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Literal

import numpy as np

from stylebox.core.data.dataset import Dataset, Shape, Window
from stylebox.core.data.manifest import Recording
from stylebox.core.data.shards import ARRAYS, Shard, array_paths, open_place, read_index, reported
from stylebox.core.errors import DatasetError
from stylebox.core.files import atomic_path, file_sha256

WINDOW_SHARDS = 16  # that all processes together draw from at a time
_VALID_SHARDS = 2  # that are read; they are a random part of all
_TRIES, _WAIT_SECONDS = 3, 2.0


class StreamedDataset(Dataset):
    """A dataset whose arrays come from shards; a recording is fetched with its shard when it is first read.

    The shards of three windows are kept at most, and those with recordings for validation and the style library.

    Args:
        place: Folder or address of the shards.
        folder: Where they are unpacked; processes of one machine share it.
        rank: Number of this process.
        processes: How many there are.

    Raises:
        DatasetError: There are no shards, or fewer than processes.
    """

    def __init__(self, place: str, folder: Path, rank: int = 0, processes: int = 1) -> None:
        index = read_index(place)
        self._place, self.rank, self.processes = place, rank, processes
        self._shards = {shard.name: shard for shard in index.shards}
        self._shard_of = {files: shard for shard in index.shards for files in shard.files}
        self._fetching = threading.RLock()
        super().__init__(folder / hashlib.sha256(place.encode()).hexdigest()[:12], index.manifest)
        valid = [shard for shard in index.shards if shard.kind == "valid"][:_VALID_SHARDS]
        self._kept = {shard.name for shard in [*valid, *(s for s in index.shards if s.kind == "reference")]}
        self._held_out = {files for shard in valid for files in shard.files}
        self._train: dict[str, list[Recording]] = {}
        for recording in super().split("train"):
            self._train.setdefault(self._shard_of[recording.files].name, []).append(recording)
        self._order = [shard.name for shard in index.shards if shard.name in self._train]
        if len(self._order) < processes:
            raise DatasetError(
                f"{place}: has {len(self._order)} shards to train with, fewer than the {processes} processes; "
                "write smaller ones with `stylebox build --shard-mb`"
            )

    @property
    def place(self) -> str:
        """The folder or address of the shards."""
        return self._place

    def split(self, name: Literal["train", "valid", "test"]) -> list[Recording]:
        """Recordings of one split; of those for validation a random part, and none of the test split."""
        own = super().split(name)
        if name == "train":
            return own
        return [r for r in own if r.files in self._held_out or self._shard_of[r.files].kind == "reference"]

    @property
    def references(self) -> list[Recording]:
        """Recordings for training that are always at hand: a minute or more of each timbre."""
        return [r for r in super().split("train") if self._shard_of[r.files].kind == "reference"]

    def window(self, step: int, frames_per_step: int, seed: int) -> Window:
        """What this process draws the batch of a step from; see `Dataset.window`.

        Each epoch goes once through all shards, in another order. A window lasts for the steps that go once through
        its recordings. Neither depends on the number of processes.
        """
        first = 0
        for epoch in range(sys.maxsize):
            for shards in self._windows(epoch, seed):
                frames = sum(r.used_frames for name in shards for r in self._train[name])
                steps = max(1, round(frames / frames_per_step))
                if step < first + steps:
                    own = shards[self.rank :: self.processes]
                    recordings = [r for name in own for r in self._train[name]]
                    return Window(tuple(recordings), first, first + steps, tuple(own), tuple(shards))
                first += steps
        raise AssertionError  # no training is that long

    def require(self, recordings: Sequence[Recording]) -> None:
        """Fetch the shards of some recordings."""
        for name in sorted({self._shard_of[r.files].name for r in recordings}):
            self._fetch(self._shards[name])

    def prepare(self, window: Window, others: Sequence[Window] = ()) -> None:
        """Fetch the shards of a window; delete those that are not in it, not in the others, and not always at hand."""
        for name in window.shards:
            self._fetch(self._shards[name])
        kept = self._kept | {name for one in (window, *others) for name in one.all_shards}
        for name in self._present() - kept:
            self._delete(self._shards[name])

    def _windows(self, epoch: int, seed: int) -> list[list[str]]:
        """The shards of each window of an epoch; no window has fewer shards than there are processes."""
        order = np.random.default_rng((seed, epoch)).permutation(len(self._order))
        count = max(1, len(order) // max(WINDOW_SHARDS, self.processes))
        return [[self._order[number] for number in part] for part in np.array_split(order, count)]

    def _array(self, kind: str, recording: Recording, dtype: type, shape: Shape) -> np.ndarray:
        if (kind, recording.files) not in self._arrays:
            self._fetch(self._shard_of[recording.files])
        return super()._array(kind, recording, dtype, shape)

    def _marker(self, name: str) -> Path:
        """The file that says that a shard is unpacked."""
        return self.path / "shards" / name

    def _present(self) -> set[str]:
        return {path.name for path in (self.path / "shards").glob("*.tar") if path.name in self._shards}

    def _fetch(self, shard: Shard) -> None:
        """Unpack a shard, if that has not been done.

        Raises:
            DatasetError: It cannot be read, or is not what the index says.
        """
        with self._fetching:
            if self._marker(shard.name).exists():
                return
            for attempt in range(1, _TRIES + 1):
                try:
                    return self._fetch_once(shard)
                except DatasetError:
                    if attempt == _TRIES:
                        raise
                    time.sleep(_WAIT_SECONDS * attempt)

    def _fetch_once(self, shard: Shard) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.path) as incoming:
            packed = Path(incoming) / shard.name
            with reported(f"{self._place}/{shard.name}", "read"):
                system, root = open_place(self._place)
                system.get_file(f"{root}/{shard.name}", str(packed))
            if file_sha256(packed) != shard.sha256:
                raise DatasetError(f"{self._place}/{shard.name}: is damaged; its checksum is not that of the index")
            unpack(packed, self.path, set(shard.files))
        with atomic_path(self._marker(shard.name)) as marker:
            marker.touch()

    def _delete(self, shard: Shard) -> None:
        with self._fetching:
            self._marker(shard.name).unlink(missing_ok=True)
            for files in shard.files:
                for key in [key for key in self._arrays if key[1] == files]:
                    del self._arrays[key]
                for path in array_paths(self.path, files):
                    path.unlink(missing_ok=True)


def unpack(packed: Path, folder: Path, stems: Set[str]) -> None:
    """Unpack the arrays of a shard.

    Args:
        packed: The shard; it may come from a stranger.
        folder: Of the dataset.
        stems: Of the arrays that it should hold.

    Raises:
        DatasetError: it is no tar file, or holds something else; more than its own size is not written.
    """
    left = packed.stat().st_size
    with reported(packed.name, "unpacked"), tarfile.open(packed, "r:") as tar:
        for member in tar:
            found = re.fullmatch(ARRAYS, member.name)
            is_array = member.isreg() and found is not None and found[2] in stems  # a link has the size of its target
            left -= member.size  # of a sparse file any size, whatever it takes in the shard
            stream = tar.extractfile(member) if is_array and left >= 0 else None
            if stream is None:
                raise DatasetError(f"{packed.name}: holds {member.name!r}, which does not belong there")
            with stream, atomic_path(folder / member.name) as partial, partial.open("wb") as writing:
                shutil.copyfileobj(stream, writing, 1 << 20)
