"""The paper's pairs, drawn before training: a content chunk, and a style chunk of another instrument.

A pair names its chunks by recording id and number, not by positions in a list, so it is the same on every machine.
"""

import csv
import random
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from stylebox.core.data.dataset import Dataset
from stylebox.core.errors import DatasetError
from stylebox.core.files import atomic_path
from stylebox.core.paper.chunks import Chunk, find_chunks

SEED = 42  # of the paper


class Pair(NamedTuple):
    """One row of the CSV; the fields are its columns.

    Attributes:
        content_id: Recording of the content chunk.
        content_chunk: Number of the content chunk in its recording.
        content_instrument: Instrument of the content chunk.
        style_id: Recording of the style chunk.
        style_chunk: Number of the style chunk in its recording.
        style_instrument: Instrument of the style chunk.
    """

    content_id: str
    content_chunk: int
    content_instrument: str
    style_id: str
    style_chunk: int
    style_instrument: str


def make_pairs(dataset: Dataset, count: int, seed: int = SEED) -> list[Pair]:
    """Draw `count` different pairs for training, all with equal probability. Same dataset and seed, same pairs.

    Args:
        dataset: Where the recordings are.
        count: Number of pairs.
        seed: Of the random draw.

    Raises:
        DatasetError: there are fewer pairs than `count`.
    """
    chunks = find_chunks(dataset)  # sorted by instrument: one instrument's chunks lie together
    names = [chunk.recording.instrument for chunk in chunks]
    first = {name: names.index(name) for name in dict.fromkeys(names)}
    size = {name: names.count(name) for name in first}
    ends = list(accumulate(len(chunks) - size[name] for name in names))  # pairs up to and with each content
    total = ends[-1] if ends else 0
    if count > total:
        raise DatasetError(
            f"{dataset.path}: has {total} pairs of chunks of two instruments in its train split, "
            f"{count} are asked for; ask for fewer or add recordings"
        )
    pairs = []
    for place in random.Random(seed).sample(range(total), count):
        content = bisect_right(ends, place)
        style = place - (ends[content - 1] if content else 0)  # position among the other instruments' chunks
        if style >= first[names[content]]:
            style += size[names[content]]
        pairs.append(_pair(chunks[content], chunks[style]))
    return pairs


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Write pairs as CSV with a header, atomically."""
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(Pair._fields)
        writer.writerows(pairs)


def _pair(content: Chunk, style: Chunk) -> Pair:
    return Pair(
        content.recording.id,
        content.number,
        content.recording.instrument,
        style.recording.id,
        style.number,
        style.recording.instrument,
    )
