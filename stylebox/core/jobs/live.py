"""`stylebox record --live` as a job: choose how to play live on this machine, play, and keep the output.

Knows neither the sound card nor the screen.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stylebox.core.audio.io.devices.duplex import DuplexStream
from stylebox.core.jobs.live_output import KeptOutput
from stylebox.core.jobs.pipelines import require_live
from stylebox.core.pipeline.live import LOOK_AHEAD_SECONDS, LiveTransfer
from stylebox.core.pipeline.live_rate import BlockProcessor, at_rate
from stylebox.core.pipeline.options import TransferOptions, drawn_seed
from stylebox.core.pipeline.phrases import PhraseTransfer
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.protocol import Pipeline

STEPS_FRAMES = (16, 32, 64)  # of the mel, tried one after the other: 0.19 to 0.74 s
EASY_LOAD, MOST_LOAD = 0.6, 0.9  # a step is chosen from the first down; beyond the second the machine is too slow
TRIAL_SECONDS = 1.5  # of sound, by which the load is measured
FALLBACK_UNDERRUNS, FALLBACK_SECONDS = 5, 10.0  # so many gaps in so short a time: the machine is too slow
_BUFFER_STEPS, _BUFFER_SECONDS = 2, 0.2  # that the devices hold: one step is computed, half a buffer comes at once
_PHRASE_STEP_SECONDS = 0.2  # of a session that plays phrases from the start
_TAIL_BLOCK_SECONDS = 0.05

Say = Callable[[str], None]


@dataclass(frozen=True)
class LiveState:
    """What the meter shows of a live transfer.

    Attributes:
        latency_seconds: From the input to the output, devices included; None phrase by phrase.
        load: Computing time relative to the time of the sound.
        underruns: Gaps in the output.
        left_out: Phrases for which there was no time.
    """

    latency_seconds: float | None
    load: float
    underruns: int
    left_out: int


class LiveSession:
    """One live transfer: plays each block, counts gaps, changes to phrases where the machine is too slow.

    Args:
        pipeline: The model.
        options: What the user asks for.
        sample_rate: Of the blocks, in Hz.
        look_ahead_seconds: See `LiveTransfer`.
        say: Gets a sentence where the way of playing is not the usual one.

    Raises:
        StyleboxError: the model cannot play live, the style is unknown, or an option is out of range.

    Attributes:
        seed: Of all noise.
        step_seconds: Length of the sound that is computed at once, of which the devices hold two.
        device_seconds: Latency of the devices; 0 before the first block.
    """

    step_seconds = _PHRASE_STEP_SECONDS

    def __init__(
        self,
        pipeline: BasePipeline,
        options: TransferOptions,
        sample_rate: int,
        look_ahead_seconds: float = LOOK_AHEAD_SECONDS,
        say: Say = lambda text: None,
    ) -> None:
        self.seed = drawn_seed(options.seed)
        self._options = replace(options, seed=self.seed)
        self._pipeline, self._sample_rate, self._say = pipeline, sample_rate, say
        self._phrases: PhraseTransfer | None = None
        self._processor: BlockProcessor
        self._live, load = choose_processor(pipeline, self._options, look_ahead_seconds)
        if self._live is None:
            self._play_phrases(f"this machine needs {load:.1f} s to play 1 s live")
        else:
            self._processor = at_rate(self._live, sample_rate)
            self.step_seconds = self._live.step_seconds
        self._underruns, self._gaps = 0, deque[float](maxlen=FALLBACK_UNDERRUNS)
        self._kept: KeptOutput | None = None
        self.device_seconds = 0.0

    @property
    def transpose(self) -> int | None:
        """Semitones from the input to the output; None before the first note."""
        return self._options.transpose if self._live is None else self._live.transpose

    @property
    def state(self) -> LiveState:
        """What the meter shows."""
        latency = None if self._phrases else self._processor.latency_samples / self._sample_rate + self.device_seconds
        left_out = self._phrases.left_out if self._phrases else 0
        return LiveState(latency, self._processor.load, self._underruns, left_out)

    def keep(self, output: Path) -> None:
        """Also write what is played."""
        self._kept = KeptOutput(output, self._sample_rate)

    def finish(self, trimmed_seconds: float, seconds: float) -> Path | None:
        """Write the output that was to be kept: aligned with the take, or, phrase by phrase, all that was played.

        Args:
            trimmed_seconds: That the take lost at its start.
            seconds: Length of the take.

        Raises:
            AudioError: it cannot be written.
        """
        if self._kept is None:
            return None
        if self._phrases is not None:
            return self._kept.finish(0, None)
        first = self._processor.latency_samples + round(trimmed_seconds * self._sample_rate)
        return self._kept.finish(first, round(seconds * self._sample_rate))

    def discard(self) -> None:
        """There is no take, so there will be no output; what was played until then is kept beside its name."""
        if self._kept is not None:
            self._kept.discard()

    def process(self, block: np.ndarray) -> np.ndarray:
        """The block to play for a block of the input.

        Shape:
            ``(S,)`` -> ``(S,)``.
        """
        out = self._processor.process(block)
        if self._kept is not None:
            self._kept.write(out)
        return out

    def count_underruns(self, total: int) -> None:
        """Note how often the output had nothing to play; too often, and phrases are played instead.

        Args:
            total: Since the start.
        """
        now = time.monotonic()
        self._gaps.extend([now] * (total - self._underruns))
        self._underruns = total
        full = len(self._gaps) == FALLBACK_UNDERRUNS and now - self._gaps[0] < FALLBACK_SECONDS
        if full and self._phrases is None:
            self._play_phrases(f"the output had {FALLBACK_UNDERRUNS} gaps within {now - self._gaps[0]:.0f} s")

    def tail(self) -> Iterator[np.ndarray]:
        """The blocks that still have to be played when the input has ended.

        Shape:
            ``(S,)`` each.
        """
        silence = np.zeros(round(_TAIL_BLOCK_SECONDS * self._sample_rate), np.float32)
        for _ in range(-(-self._processor.latency_samples // len(silence))):
            yield self.process(silence)
        if self._phrases is not None:
            self._phrases.end_phrase()
            while self._phrases.pending:
                yield self.process(silence)
            self._phrases.close()

    def _play_phrases(self, reason: str) -> None:
        """Go on phrase by phrase, and say so."""
        self._say(f"{reason}: playing phrase by phrase instead; leave a rest after each phrase")
        if self._live is not None:  # the octave stays
            self._options, self._live = replace(self._options, transpose=self._live.transpose), None
        self._phrases = PhraseTransfer(self._transfer, self._pipeline.sample_rate)
        self._processor = at_rate(self._phrases, self._sample_rate)

    def _transfer(self, phrase: np.ndarray) -> np.ndarray:
        """A phrase in the style; the first one fixes the octave."""
        result = self._pipeline.transfer(phrase, self._options)
        if result.notes:
            self._options = replace(self._options, transpose=result.transpose)
        return result.audio


def open_session(
    pipeline: Pipeline, options: TransferOptions, sample_rate: int, look_ahead_seconds: float, say: Say
) -> LiveSession:
    """Choose how a model plays live on this machine.

    Args:
        pipeline: The model.
        options: What the user asks for.
        sample_rate: Of the blocks, in Hz.
        look_ahead_seconds: See `LiveTransfer`.
        say: See `LiveSession`.

    Raises:
        ModelError: the model cannot play live, the style is unknown, or an option is out of range.
    """
    return LiveSession(require_live(pipeline), options, sample_rate, look_ahead_seconds, say)


def connect(session: LiveSession, stream: DuplexStream) -> None:
    """Let a stream play what the session makes of its input."""

    def change(block: np.ndarray) -> np.ndarray:
        session.device_seconds = stream.latency_seconds
        session.count_underruns(stream.underruns)
        return session.process(block)

    stream.play_through(change, session.tail, _BUFFER_STEPS * session.step_seconds + _BUFFER_SECONDS)


def choose_processor(
    pipeline: BasePipeline, options: TransferOptions, look_ahead_seconds: float
) -> tuple[LiveTransfer | None, float]:
    """The live transfer with the shortest step that this machine computes in time, and the load that it had.

    With the number of diffusion steps left open, diffusion is used where it can be computed in time.

    Args:
        pipeline: The model.
        options: What the user asks for.
        look_ahead_seconds: See `LiveTransfer`.

    Returns:
        None for a transfer if the machine is too slow for any; then the load is that of the longest step.

    Raises:
        StyleboxError: the model cannot play live, the style is unknown, or an option is out of range.
    """
    load = 0.0
    for asked in (options, replace(options, steps=0)) if options.steps is None else (options,):
        for step_frames in STEPS_FRAMES:
            load = measure_load(LiveTransfer(pipeline, asked, look_ahead_seconds, step_frames))
            if load < (MOST_LOAD if step_frames == STEPS_FRAMES[-1] else EASY_LOAD):
                return LiveTransfer(pipeline, asked, look_ahead_seconds, step_frames), load
            if load > MOST_LOAD * STEPS_FRAMES[-1] / STEPS_FRAMES[0]:  # no step is long enough
                break
    return None, load


def measure_load(transfer: LiveTransfer) -> float:
    """Computing time of a live transfer relative to the time of the sound, by a chord.

    The lesser of wall-clock and processor time counts: the first suffers from other programs that end soon, the second
    from several threads.

    Args:
        transfer: A new one; it is used up.
    """
    rate = transfer.sample_rate
    moments = np.arange(round(rate * (transfer.latency_samples / rate + TRIAL_SECONDS))) / rate
    chord = 0.05 * np.sin(2 * np.pi * np.outer(moments, (262.0, 330.0, 392.0))).sum(1).astype(np.float32)
    first = transfer.latency_samples + round(transfer.step_seconds * rate)  # the first step is not like the others
    transfer.process(chord[:first])
    wall, used = time.perf_counter(), time.process_time()
    transfer.process(chord[first:])
    done = (len(chord) - first) / rate
    return min(time.perf_counter() - wall, time.process_time() - used) / done
