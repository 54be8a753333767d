"""Training examples: which recordings are the content, the target and the style clip of one example.

Renderings of one score are paired recordings: the content comes from one instrument, the target is another one. A
recording without a paired one is its own content. The style clip is another recording of the target's timbre: with a
clip of another instrument, the network would learn to ignore it.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stylebox.core.data.manifest import Recording
from stylebox.core.errors import DatasetError


@dataclass(frozen=True)
class Example:
    """One example: `target` and `content` from `start_frame` on, and `style` from `style_frame` on."""

    target: Recording
    content: Recording
    style: Recording
    start_frame: int
    style_frame: int


@dataclass(frozen=True)
class Examples:
    """A batch of examples. All arrays are ``(B,)``, int; a recording is its position in `recordings`.

    Attributes:
        recordings: To which the arrays refer.
        target: The recording that a network must produce.
        content: The recording whose notes it is given.
        style: The recording whose timbre it is given.
        start_frame: Where target and content begin.
        style_frame: Where the style clip begins.
    """

    recordings: tuple[Recording, ...]
    target: np.ndarray
    content: np.ndarray
    style: np.ndarray
    start_frame: np.ndarray
    style_frame: np.ndarray

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, part: slice) -> "Examples":
        columns = (self.target, self.content, self.style, self.start_frame, self.style_frame)
        return Examples(self.recordings, *(column[part] for column in columns))

    def __iter__(self) -> Iterator[Example]:
        for target, content, style, start, style_start in zip(
            self.target, self.content, self.style, self.start_frame, self.style_frame, strict=True
        ):
            known = self.recordings
            yield Example(known[target], known[content], known[style], int(start), int(style_start))


class Groups:
    """Positions of a sequence, grouped by keys; a position whose key is None is in a group of its own.

    Args:
        keys: One per position.
    """

    def __init__(self, keys: Sequence[Hashable]) -> None:
        number: dict[Hashable, int] = {}
        named = [(False, position) if key is None else (True, key) for position, key in enumerate(keys)]
        self.of = np.array([number.setdefault(key, len(number)) for key in named])
        self.members = np.argsort(self.of, kind="stable")
        self.size = np.bincount(self.of)
        self.first = np.cumsum(self.size) - self.size
        self._place = np.empty(len(self.of), np.int64)
        self._place[self.members] = np.arange(len(self.of)) - self.first[self.of[self.members]]

    def member(self, group: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """A position of each group, all equally likely.

        Shape:
            `group` is ``(B,)``, `chance` ``(B,)`` in [0, 1), uniform.
        """
        drawn: np.ndarray = self.members[self.first[group] + (chance * self.size[group]).astype(np.int64)]
        return drawn

    def other(self, position: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """Another position of the same group, all equally likely; the same one if it is alone.

        Shape:
            `position` is ``(B,)``, `chance` ``(B,)`` in [0, 1), uniform.
        """
        group, place = self.of[position], self._place[position]
        step = (chance * (self.size[group] - 1)).astype(np.int64)
        step += (step >= place) & (self.size[group] > 1)
        drawn: np.ndarray = self.members[self.first[group] + step]
        return drawn


class ExampleSampler:
    """Draws examples: all instruments equally often, two examples of each drawn instrument.

    Args:
        recordings: Those shorter than a crop are left out.
        crop_frames: Length of target and content.
        style_frames: Length of the style clip.
        pair_share: Share of the targets with paired recordings that take their content from one of these.

    Raises:
        DatasetError: there are no recordings, or all are shorter than a crop.
    """

    def __init__(
        self, recordings: list[Recording], crop_frames: int, style_frames: int, pair_share: float = 0.8
    ) -> None:
        self.crop_frames, self.style_frames, self.pair_share = crop_frames, style_frames, pair_share
        self.recordings = tuple(r for r in recordings if r.stop_frame - r.start_frame >= crop_frames)
        if not self.recordings:
            reason = f"none has the {crop_frames} frames of a training crop" if recordings else "add some"
            fix = "a few minutes per instrument are the least; then run `stylebox build` again"
            raise DatasetError(f"too few recordings to train and to validate: {reason}; {fix}")
        self.instruments = tuple(sorted({r.instrument for r in self.recordings}))
        self._instruments = Groups([r.instrument for r in self.recordings])
        self._timbres = Groups([r.timbre or r.instrument for r in self.recordings])
        self._scores = Groups([r.score or None for r in self.recordings])
        self._start = np.array([r.start_frame for r in self.recordings])
        self._stop = np.array([r.stop_frame for r in self.recordings])

    def draw(self, rng: np.random.Generator, count: int) -> Examples:
        """Draw `count` examples; the same state of the generator gives the same examples."""
        chance = rng.random((6, count))
        drawn = rng.integers(len(self.instruments), size=(count + 1) // 2).repeat(2)[:count]
        target = self._instruments.member(drawn, chance[0])
        content = np.where(chance[1] < self.pair_share, self._scores.other(target, chance[2]), target)
        style = self._timbres.other(target, chance[3])
        start = np.maximum(self._start[target], self._start[content])
        stop = np.minimum(self._stop[target], self._stop[content])
        return Examples(
            self.recordings,
            target,
            content,
            style,
            random_frames(start, stop - self.crop_frames, chance[4]),
            random_frames(self._start[style], self._stop[style] - self.style_frames, chance[5]),
        )


def random_frames(start: np.ndarray, stop: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """A frame from `start` to before `stop`, all equally likely; `start` where there is no choice.

    Args:
        start: First frame.
        stop: Behind the last frame.
        chance: In [0, 1), uniform.

    Shape:
        All are ``(B,)``.
    """
    frames: np.ndarray = start + (chance * np.maximum(1, stop - start)).astype(np.int64)
    return frames
