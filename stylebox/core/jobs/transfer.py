"""`stylebox transfer` as a job: files or folders in, files out. A bad file does not stop the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stylebox.core.errors import AudioError, StyleboxError, error_message
from stylebox.core.jobs.outputs import STREAM, FileReport, SideOutputs
from stylebox.core.jobs.transfer_file import transfer_file
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.progress import ProgressCallback, silent

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
