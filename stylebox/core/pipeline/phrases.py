"""Phrase by phrase: the music up to a rest is transferred as a whole, and played while the next phrase is listened to.

For machines that are too slow for a transfer that goes on all the time. Knows nothing of sound cards.
"""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from stylebox.core.pipeline.live_rate import mono_block

REST_SECONDS = 0.6  # of silence: a phrase has ended
LONGEST_SECONDS = 20.0  # of a phrase; a longer one is cut
MOST_WAITING_SECONDS = 60.0  # of music that has not been played; more is left out
_LEAD_SECONDS = 0.1  # kept before the first sound of a phrase
_SILENT_DB, _QUIET_DB = -55.0, -35.0  # of a block: dBFS, and relative to the loudest so far; below both it is silent
_LOUDEST_SECONDS = 10.0  # half-life of the loudest level
_BLOCK_SECONDS = 0.02

Transfer = Callable[[np.ndarray], np.ndarray]


class PhraseTransfer:
    """A block processor that plays each phrase after its end.

    Args:
        transfer: From a phrase to the same phrase in another sound, as long; called on a thread of its own.
        sample_rate: Of the blocks, in Hz.
    """

    latency_samples = 0  # unknown: a phrase is played when it has ended and is ready

    def __init__(self, transfer: Transfer, sample_rate: int) -> None:
        self._transfer, self._sample_rate = transfer, sample_rate
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="phrases")
        self._jobs: deque[tuple[Future[np.ndarray], int]] = deque()
        self._phrase: list[np.ndarray] = []
        self._input, self._playing = np.zeros(0, np.float32), np.zeros(0, np.float32)
        self._block = round(_BLOCK_SECONDS * sample_rate)
        self._loudest, self._silent_blocks = 0.0, 0
        self._sounding = False
        self.load = 0.0
        self.left_out = 0  # phrases for which there was no time

    @property
    def sample_rate(self) -> int:
        """Rate of the blocks, in Hz."""
        return self._sample_rate

    @property
    def pending(self) -> bool:
        """Whether music that has ended is still to be played."""
        return bool(self._jobs) or len(self._playing) > 0

    def process(self, block: np.ndarray) -> np.ndarray:
        """Listen to a block, and give the next block of the phrase that is played.

        Shape:
            ``(S,)`` -> ``(S,)``, float32.
        """
        self._input = np.append(self._input, mono_block(block))
        while len(self._input) >= self._block:
            self._listen(self._input[: self._block])
            self._input = self._input[self._block :]
        while len(self._playing) < len(block) and self._jobs and self._jobs[0][0].done():
            self._playing = np.append(self._playing, self._jobs.popleft()[0].result())
        out, self._playing = self._playing[: len(block)], self._playing[len(block) :]
        return np.pad(out, (0, len(block) - len(out)))

    def end_phrase(self) -> None:
        """Transfer what has been played up to now, as if a rest followed."""
        if not self._sounding:
            return
        phrase, self._phrase, self._sounding, self._silent_blocks = np.concatenate(self._phrase), [], False, 0
        waiting = sum(length for _, length in self._jobs) + len(self._playing)
        if waiting + len(phrase) > MOST_WAITING_SECONDS * self._sample_rate:
            self.left_out += 1
            return
        self._jobs.append((self._worker.submit(self._timed, phrase), len(phrase)))

    def close(self) -> None:
        """Give up what is not played yet."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _listen(self, block: np.ndarray) -> None:
        """Append a block of equal length to the phrase; a rest ends it."""
        level = float(np.sqrt(np.mean(np.square(block, dtype=np.float64))))
        self._loudest = max(level, self._loudest * 0.5 ** (_BLOCK_SECONDS / _LOUDEST_SECONDS))
        silent = level < max(10 ** (_SILENT_DB / 20), self._loudest * 10 ** (_QUIET_DB / 20))
        self._silent_blocks = self._silent_blocks + 1 if silent else 0
        self._sounding |= not silent
        self._phrase.append(block)
        if not self._sounding:
            del self._phrase[: -round(_LEAD_SECONDS / _BLOCK_SECONDS)]
            return
        rest = self._silent_blocks >= REST_SECONDS / _BLOCK_SECONDS
        if rest or len(self._phrase) >= LONGEST_SECONDS / _BLOCK_SECONDS:
            self.end_phrase()

    def _timed(self, phrase: np.ndarray) -> np.ndarray:
        """Transfer a phrase and note the load."""
        start = time.perf_counter()
        made = self._transfer(phrase)
        self.load = (time.perf_counter() - start) * self._sample_rate / len(phrase)
        return made
