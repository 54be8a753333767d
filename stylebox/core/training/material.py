"""What a stage draws its batches from: made once, or again for each window of a dataset that is read as shards."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from stylebox.core.config import TrainConfig
from stylebox.core.data.dataset import Dataset, Window
from stylebox.core.data.manifest import Recording
from stylebox.core.errors import StyleboxError


class Source(Protocol):
    """Draws batches from some recordings, in two steps (see `FrameStore`)."""

    def place(self, device: torch.device, limit: int | None = None) -> None:
        """Copy the frames to the device, if they fit; see `FrameStore.place`."""

    def fetch(self, rng: np.random.Generator, count: int, share: slice) -> dict[str, Tensor]:
        """What `expand` needs for a random batch, on the CPU; the same generator state gives the same batch.

        Args:
            rng: Source of all choices.
            count: Number of examples.
            share: Which of them.

        Shape:
            The first axis of every tensor is the batch.
        """

    def expand(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The batch that `fetch` chose, on the device.

        Shape:
            The first axis of every tensor is the batch.
        """


class Material:
    """The source of the batches of each step; the next window is fetched in the background.

    Args:
        dataset: Its windows decide from what each step is drawn.
        config: Size and length of the examples of a batch, and the seed.
        make: Makes a source of batches from recordings.
    """

    def __init__(self, dataset: Dataset, config: TrainConfig, make: Callable[[list[Recording]], Source]) -> None:
        self.dataset, self._make = dataset, make
        self._schedule = config.batch_size * config.crop_frames, config.seed
        self._recent: list[tuple[Window, Source]] = []  # two: threads may still make batches of the one before
        self._lock = threading.Lock()
        self._ahead: threading.Thread | None = None
        if dataset.window(0, *self._schedule).shards == ():
            self.at(0)

    def at(self, step: int) -> Source:
        """The source of the batch of a step; waits for its window, if it is not there yet."""
        with self._lock:
            for window, source in self._recent:
                if window.first <= step < window.stop:
                    return source
            window = self.dataset.window(step, *self._schedule)
            if self._ahead is not None:
                self._ahead.join()
            before, after = (self.dataset.window(s, *self._schedule) for s in (max(0, window.first - 1), window.stop))
            self.dataset.prepare(window, (before, after))
            source = self._make(list(window.recordings))
            self._recent = [*self._recent[-1:], (window, source)]
            if window.shards:
                self._ahead = threading.Thread(target=self._prepare, args=(after, (before, window)), daemon=True)
                self._ahead.start()
            return source

    def _prepare(self, window: Window, others: tuple[Window, ...]) -> None:
        """Fetch a window ahead of time; what fails is tried again, and reported, when it is needed."""
        with suppress(StyleboxError, OSError):
            self.dataset.prepare(window, others)

    @property
    def latest(self) -> Source:
        """The source that was made last; all of them expand batches alike."""
        return self._recent[-1][1]

    def place(self, device: torch.device, limit: int | None = None) -> None:
        """Copy the material to the device, if it stays the same for all steps and fits."""
        if self._recent and not self._recent[-1][0].shards:
            self.latest.place(device, limit)
