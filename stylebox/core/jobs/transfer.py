"""`stylebox transfer` as a job: files or folders in, files out. A bad file does not stop the others."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stylebox.core.audio.io.read import load_audio
from stylebox.core.audio.io.write import check_format
from stylebox.core.errors import AudioError, StyleboxError, error_message
from stylebox.core.jobs.outputs import STREAM, FileReport, SideOutputs, write_side_outputs
from stylebox.core.paper.pipeline import PaperPipeline
from stylebox.core.paths import refuse_overwrite
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.progress import ProgressCallback, silent
from stylebox.core.store import library

AUDIO_SUFFIXES = {
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".aif", ".aiff", ".au", ".caf", ".wma"),
    *(".webm", ".mka", ".mp4", ".mkv", ".mov"),
}


@dataclass(frozen=True)
class TransferFailure:
    """One file that could not be made, and why."""

    source: str
    reason: str


@dataclass
class TransferBatch:
    """The outcome for all files, in order."""

    done: list[FileReport] = field(default_factory=list)
    failed: list[TransferFailure] = field(default_factory=list)


def load_pipeline(model: str = library.SHIPPED_MODEL, device: str = "cpu") -> Pipeline:
    """A model of either family, loaded once, used for any number of recordings.

    Raises:
        ModelError: the model, or a part of it, is missing or does not fit.
    """
    return PaperPipeline(model, device) if library.model_family(model) == "paper" else BasePipeline(model, device)


def transfer_files(
    sources: Sequence[Path],
    output: Path | None,
    options: TransferOptions,
    pipeline: Pipeline,
    *,
    force: bool = False,
    side_outputs: SideOutputs | None = None,
    made: Callable[[FileReport], None] = lambda report: None,
    progress: ProgressCallback = silent,
) -> TransferBatch:
    """Transfer every file, and every audio file of every folder.

    Args:
        sources: Files and folders; ``-`` is standard input.
        output: A file for one source, a folder for several; ``-`` is standard output. Unless given, files are named
            ``<source>-<style>.wav`` in the current folder.
        options: For every file.
        pipeline: The loaded model.
        force: Whether to overwrite files.
        side_outputs: What else to keep: files for one source, folders for several.
        made: Called with the report of each file when it is written.
        progress: Called as work goes on.

    Raises:
        AudioError: nothing to transfer, or a file is named where a folder is needed.
    """
    files = [file for source in sources for file in _files_of(source)]
    if not files:
        raise AudioError(f"{sources[0] if sources else 'nothing'}: no audio files in it; name one, or another folder")
    several = len(files) > 1 or (str(sources[0]) != STREAM and sources[0].is_dir())
    side_outputs = side_outputs or SideOutputs()
    for target in (output, *side_outputs.paths()):
        if several and target is not None and not _names_folder(target):
            raise AudioError(f"{target}: is not a folder, and there are several files; name a folder")
    batch = TransferBatch()
    for file, target in zip(files, output_names(files, output, options, several), strict=True):
        own = side_outputs.within(target.stem) if several else side_outputs
        try:
            report = transfer_file(file, target, options, pipeline, force, own, progress)
        except (StyleboxError, OSError) as error:
            batch.failed.append(TransferFailure(str(file), error_message(error)))
        else:
            batch.done.append(report)
            made(report)
    return batch


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


def output_names(files: Sequence[Path], output: Path | None, options: TransferOptions, several: bool) -> list[Path]:
    """Where each file goes; sources of one name do not overwrite one another.

    Args:
        files: The sources.
        output: A file or a folder; the current folder unless given.
        options: Name the style, which is part of a file's name.
        several: Whether `output` names a folder, even if it does not exist yet.
    """
    if output is not None and not several:
        return [output / _name(files[0], options.spec.slug, 0)] if output.is_dir() else [output]
    folder = output or Path()
    names: list[Path] = []
    for file in files:
        number = 0
        while (name := folder / _name(file, options.spec.slug, number)) in names:
            number += 1
        names.append(name)
    return names


def _names_folder(target: Path) -> bool:
    """Whether it is a folder, or can become one; a name with a suffix that does not exist yet means a file."""
    return target.is_dir() or not (target.exists() or target.suffix or str(target) == STREAM)


def _name(file: Path, slug: str, number: int) -> str:
    """`<file>-<style>.wav`, with a number from the second file of that name on."""
    stem = "take" if str(file) == STREAM else file.stem
    return f"{stem}-{slug}{f'-{number + 1}' if number else ''}.wav"


def _files_of(source: Path) -> list[Path]:
    """The source itself, or a folder's audio files, by name."""
    if str(source) == STREAM or not source.is_dir():
        return [source]
    return sorted(path for path in source.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())
