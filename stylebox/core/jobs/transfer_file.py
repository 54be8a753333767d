"""One recording to one file: the input is read, played in a style, and written with what else is to be kept."""

import time
from dataclasses import replace
from pathlib import Path

from stylebox.core.audio.io.read import load_audio
from stylebox.core.audio.io.write import check_format
from stylebox.core.errors import AudioError
from stylebox.core.jobs.outputs import STREAM, FileReport, SideOutputs, write_side_outputs
from stylebox.core.paths import refuse_overwrite
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.progress import ProgressCallback, silent


def transfer_file(
    source: Path,
    output: Path,
    options: TransferOptions,
    pipeline: Pipeline,
    force: bool = False,
    side_outputs: SideOutputs | None = None,
    progress: ProgressCallback = silent,
) -> FileReport:
    """Transfer one file; the output has the input's length to the sample, at the model's rate.

    Args:
        source: A file; ``-`` is standard input.
        output: A file; ``-`` is standard output.
        options: What the user asks for.
        pipeline: The loaded model.
        force: Whether to overwrite files.
        side_outputs: Files for what else to keep.
        progress: Called as work goes on.

    Raises:
        StyleboxError: the input cannot be read, the output exists or cannot be written, an option is wrong.
    """
    side_outputs = side_outputs or SideOutputs()
    check_targets(output, side_outputs, pipeline.sample_rate, force)
    audio = load_audio(source, pipeline.sample_rate)
    begun = time.monotonic()
    result = pipeline.transfer(audio, options, progress)
    work_seconds = time.monotonic() - begun
    clipped_db = result.save(output)
    write_side_outputs(side_outputs, result, audio, str(source))
    report = FileReport.of(result, str(source), output, side_outputs, clipped_db=clipped_db, work_seconds=work_seconds)
    warnings = result.warnings if result.audio.any() else [*result.warnings, *_channel_faults(source)]
    return replace(report, warnings=warnings)


def _channel_faults(source: Path) -> list[str]:
    """Why the mix of a recording is silent though its channels are not: they can cancel one another."""
    from stylebox.core.audio.channels import channel_faults

    return [] if str(source) == STREAM else channel_faults(source)


def check_targets(output: Path, side_outputs: SideOutputs, sample_rate: int, force: bool) -> None:
    """Check before any work that everything can be written where it is to go.

    Args:
        output: The sound.
        side_outputs: What else is written.
        sample_rate: Of the sound, in Hz.
        force: Whether to overwrite files.

    Raises:
        AudioError: a name is used twice, or a sound's suffix is unknown.
        StyleboxError: a name is taken, or a side output's suffix is unknown.
    """
    check_format(output, sample_rate)
    side_outputs.check()
    targets = [path for path in (output, *side_outputs.paths()) if str(path) != STREAM]
    for target in targets:
        refuse_overwrite(target, force)
        if targets.count(target) > 1:
            raise AudioError(f"{target}: named for two outputs; give each a name of its own")
