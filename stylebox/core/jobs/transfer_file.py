"""One recording to one file: the input is read, played in a style, and written with what else is to be kept.

All of it in blocks: memory does not grow with the recording. A long transfer that was interrupted is continued.
"""

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from stylebox.core.audio.io.tags import Tags
from stylebox.core.audio.io.write import AudioWriter, check_format
from stylebox.core.errors import AudioError
from stylebox.core.files import refuse_overwrite
from stylebox.core.jobs.input_file import InputFile
from stylebox.core.jobs.outputs import FileReport, RecordingPage, SideOutputs, write_notes, write_plot
from stylebox.core.jobs.shown_sound import show
from stylebox.core.jobs.sound_format import SoundFormat, fit_format
from stylebox.core.pipeline.finish import Finished, Performance
from stylebox.core.pipeline.options import OutputFormat, TransferOptions
from stylebox.core.pipeline.passes import Passes
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.pipeline.result import TransferFacts, styled_tags
from stylebox.core.pipeline.transfer import transfer_recording
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.standard_streams import STREAM


def transfer_file(
    source: Path | InputFile,
    output: Path,
    options: TransferOptions,
    pipeline: Pipeline,
    force: bool = False,
    side_outputs: SideOutputs | None = None,
    progress: ProgressCallback = silent,
    page: RecordingPage | None = None,
) -> FileReport:
    """Transfer one file; the output has the input's length, rate, channels, depth and tags, or those asked for.

    Args:
        source: A file, of which ``-`` is standard input; or one that several transfers share.
        output: A file; ``-`` is standard output.
        options: What the user asks for.
        pipeline: The loaded model.
        force: Whether to overwrite files.
        side_outputs: Files for what else to keep.
        progress: Called as work goes on.
        page: Receives the output for a page of several styles.

    Raises:
        StyleboxError: the input cannot be read, the output exists, is an input or cannot be written, or an option is
            wrong.
    """
    side_outputs = side_outputs or SideOutputs()
    inputs = (source.path if isinstance(source, InputFile) else source, *options.spec.clips)
    check_targets(output, side_outputs, force, inputs)
    begun = time.monotonic()
    with ExitStack() as own:
        shared = source if isinstance(source, InputFile) else own.enter_context(InputFile(source, pipeline))
        recording, name = shared.recording, str(shared.path)
        fitted = fit_format(output, recording.sound, options.output, recording.tags.cover)
        sound = fitted.sound
        fitted_options = replace(options, output=OutputFormat(sound.sample_rate, sound.bits, sound.channels == 1))
        perform = pipeline.prepare(fitted_options)
        work = own.enter_context(shared.work(output, fitted_options))
        if work.begun:
            progress(Progress("transferring", 0, note=f"{name}: continues the interrupted transfer"))
        performance, finished = transfer_recording(perform, shared.source, work, fitted_options.output, progress)
        written = finished.below_clipping()
        requested = replace(options.output, format=output.suffix[1:].lower() or None)
        facts = _facts(performance, written, [*fitted.warning, *recording.remarks], pipeline.model, requested)
        _write(output, written, sound, styled_tags(recording.tags, facts.style, facts.seed), progress)
        if side_outputs.midi is not None:
            write_notes(side_outputs.midi, facts)
        _show(shared, written, facts, side_outputs, page)
        work.remove()
    work_seconds = time.monotonic() - begun
    clipped_db = written.turned_down_db
    return FileReport.of(facts, name, output, side_outputs, sound, clipped_db=clipped_db, work_seconds=work_seconds)


def check_targets(output: Path, side_outputs: SideOutputs, force: bool, inputs: Sequence[Path] = ()) -> None:
    """Check before any work that everything can be written where it is to go.

    Args:
        output: The sound.
        side_outputs: What else is written.
        force: Whether to overwrite files.
        inputs: Files that are read, and never overwritten.

    Raises:
        AudioError: a name is used twice, or a sound's suffix is unknown.
        StyleboxError: a name is taken, or is an input's, or a side output's suffix is unknown.
    """
    check_format(output)
    side_outputs.check()
    targets = [path for path in (output, *side_outputs.paths()) if str(path) != STREAM]
    for target in targets:
        refuse_overwrite(target, force, inputs)
        if targets.count(target) > 1:
            raise AudioError(f"{target}: named for two outputs; give each a name of its own")


def _facts(
    performance: Performance, finished: Finished, remarks: Iterable[str], model: str, requested: OutputFormat
) -> TransferFacts:
    """What is reported of a transfer; its settings hold the format as it was asked for."""
    notes = [] if finished.warnings else list(performance.notes or [])
    warnings = [*finished.warnings, *performance.remarks, *remarks]
    settings = replace(performance.settings, output=requested)
    return TransferFacts(notes, settings, model, warnings, finished.num_samples / finished.sample_rate)


def _write(output: Path, finished: Finished, sound: SoundFormat, tags: Tags, progress: ProgressCallback) -> None:
    """Write the sound, block by block."""
    passes = Passes(finished.num_samples / finished.sample_rate, progress)
    with AudioWriter(output, sound.sample_rate, sound.channels, sound.bits, tags) as writer:
        for block in finished.blocks():
            writer.write(block)
            passes.report("finishing", (1 + writer.samples / finished.num_samples) / 2)  # the first half is measuring


def _show(
    source: InputFile, finished: Finished, facts: TransferFacts, side_outputs: SideOutputs, page: RecordingPage | None
) -> None:
    """The picture, the page of this transfer, and its share of the page of several styles, if they are asked for."""
    name, report = str(source.path), side_outputs.report
    pages = [one for one in (page, None if report is None else RecordingPage(report, name)) if one is not None]
    if side_outputs.plot is None and not pages:
        return
    samples, rate, channels = finished.num_samples, finished.sample_rate, finished.channels
    suffix = pages[0].suffix(samples * source.channels, samples * channels, rate) if pages else ""
    before, after = source.shown(rate, suffix), show(finished.blocks, samples, rate, channels, suffix)
    if side_outputs.plot is not None:
        write_plot(side_outputs.plot, before, after, name, facts.style)
    for one in pages:
        one.add(facts, before, after)
        if one is not page:
            one.write()
