"""A transfer from a recording in blocks to a finished sound in blocks, with any model."""

import numpy as np

from stylebox.core.pipeline.finish import Finished, Performance, finish
from stylebox.core.pipeline.options import OutputFormat, TransferOptions
from stylebox.core.pipeline.passes import Passes
from stylebox.core.pipeline.protocol import Perform, Pipeline
from stylebox.core.pipeline.recording import MonoSource, Recording
from stylebox.core.pipeline.result import TransferResult
from stylebox.core.pipeline.work import Work
from stylebox.core.progress import ProgressCallback, silent


def transfer_recording(
    perform: Perform, source: MonoSource, work: Work, output: OutputFormat, progress: ProgressCallback = silent
) -> tuple[Performance, Finished]:
    """Play a recording in another sound; what the work holds of an earlier run is kept.

    Args:
        perform: Plays it, from a pipeline.
        source: The recording, at the rate of the pipeline; is read several times.
        work: Gets what is computed, the seed included if one is drawn.
        output: Rate and channels of the result.
        progress: Called as work goes on.

    Raises:
        StyleboxError: the recording cannot be read.
    """
    passes = Passes(source.measured.num_samples / source.recording.sample_rate, progress)
    passes.report("measuring", 1.0)
    performance = perform(source, work, passes)
    # Writing is the other half of the last pass.
    return performance, finish(performance, source, output, lambda share: passes.report("finishing", share / 2))


def transfer_to_array(
    pipeline: Pipeline, recording: Recording, options: TransferOptions, progress: ProgressCallback = silent
) -> TransferResult:
    """Play a recording in another sound, with the result in memory.

    Args:
        pipeline: The loaded model.
        recording: Is read several times.
        options: What the user asks for.
        progress: Called as work goes on.

    Raises:
        StyleboxError: the recording cannot be read, the style is unknown, or an option is out of range.
    """
    perform, source = pipeline.prepare(options), MonoSource(recording, pipeline.sample_rate)
    performance, finished = transfer_recording(perform, source, Work(), options.output, progress)
    made = np.concatenate(list(finished.blocks())) if finished.num_samples else np.zeros((0, 1), np.float32)
    return TransferResult(
        audio=made[:, 0] if finished.channels == 1 else made,
        sample_rate=finished.sample_rate,
        notes=[] if finished.warnings else list(performance.notes or []),
        settings=performance.settings,
        model=pipeline.model,
        warnings=[*finished.warnings, *performance.remarks],
    )
