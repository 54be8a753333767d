"""Training examples: which recordings are the content, the target and the style clip of one example.

Renderings of one score are paired recordings: the content comes from one instrument, the target is another one. A
recording without a paired one is its own content. The style clip is another recording of the target's timbre: with a
clip of another instrument, the network would learn to ignore it.
"""

from collections import defaultdict
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

    @property
    def transpose(self) -> int:
        """Semitones by which the content must be moved to match the target."""
        return self.target.transpose - self.content.transpose


class ExampleSampler:
    """Draws examples: all instruments equally often, two examples of each drawn instrument.

    Args:
        recordings: Those shorter than a crop are left out.
        crop_frames: Length of target and content.
        style_frames: Length of the style clip.
        pair_share: Share of the targets with paired recordings that take their content from one of these.

    Raises:
        DatasetError: all recordings are shorter than a crop.
    """

    def __init__(
        self, recordings: list[Recording], crop_frames: int, style_frames: int, pair_share: float = 0.8
    ) -> None:
        self.crop_frames, self.style_frames, self.pair_share = crop_frames, style_frames, pair_share
        usable = [r for r in recordings if r.stop_frame - r.start_frame >= crop_frames]
        if not usable:
            raise DatasetError(f"no recording is as long as one training crop, {crop_frames} frames")
        self._of_instrument: dict[str, list[Recording]] = defaultdict(list)
        self._of_timbre: dict[str, list[Recording]] = defaultdict(list)
        self._of_score: dict[str, list[Recording]] = defaultdict(list)
        for recording in usable:
            self._of_instrument[recording.instrument].append(recording)
            self._of_timbre[_timbre(recording)].append(recording)
            if recording.score:
                self._of_score[recording.score].append(recording)
        self.instruments = tuple(sorted(self._of_instrument))

    def draw(self, rng: np.random.Generator, count: int) -> list[Example]:
        """Draw `count` examples; the same state of the generator gives the same examples."""
        examples: list[Example] = []
        while len(examples) < count:
            instrument = self.instruments[rng.integers(len(self.instruments))]
            for _ in range(min(2, count - len(examples))):
                examples.append(self._example(_one_of(self._of_instrument[instrument], rng), rng))
        return examples

    def _example(self, target: Recording, rng: np.random.Generator) -> Example:
        content = target
        paired = [r for r in self._of_score.get(target.score or "", []) if r is not target]
        if paired and rng.random() < self.pair_share:
            content = _one_of(paired, rng)
        stop = min(target.stop_frame, content.stop_frame)
        start = max(target.start_frame, content.start_frame)
        style = self._style(target, rng)
        return Example(
            target,
            content,
            style,
            int(rng.integers(start, max(start + 1, stop - self.crop_frames))),
            int(rng.integers(style.start_frame, max(style.start_frame + 1, style.stop_frame - self.style_frames))),
        )

    def _style(self, target: Recording, rng: np.random.Generator) -> Recording:
        """Another recording of the same timbre; the target itself if it is the only one."""
        others = [r for r in self._of_timbre[_timbre(target)] if r is not target]
        return _one_of(others, rng) if others else target


def _timbre(recording: Recording) -> str:
    return recording.timbre or recording.instrument


def _one_of(recordings: list[Recording], rng: np.random.Generator) -> Recording:
    return recordings[rng.integers(len(recordings))]
