"""`stylebox transfer` as a job: files or folders in, files out. A bad file does not stop the others."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stylebox.core.audio.io.read import load_audio
from stylebox.core.audio.io.write import check_format, write_audio
from stylebox.core.errors import AudioError, StyleboxError, error_message
from stylebox.core.jobs.outputs import SideOutputs, Story, write_side_outputs
from stylebox.core.music.style_names import describe_move
from stylebox.core.paper.pipeline import PaperPipeline
from stylebox.core.paths import refuse_overwrite
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.pipeline.result import TransferResult
from stylebox.core.pipeline.style import style_slug
from stylebox.core.progress import ProgressCallback, silent
from stylebox.core.store import library

Pipeline = BasePipeline | PaperPipeline
STREAM = "-"  # standard input or output
AUDIO_SUFFIXES = {
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".aif", ".aiff", ".au", ".caf", ".wma"),
    *(".webm", ".mka", ".mp4", ".mkv", ".mov"),
}


@dataclass(frozen=True)
class TransferReport:
    """One file made."""

    source: str
    output: str
    style: str
    seconds: float
    seed: int
    transpose: int
    notes: int
    warnings: list[str]
    clipped_db: float
    real_time_factor: float
    moved: str | None = None  # by octaves, into the register of the style: the line that says so
    settings: dict[str, float | str] = field(default_factory=dict)
    midi: str | None = None
    plot: str | None = None
    report: str | None = None


@dataclass(frozen=True)
class TransferFailure:
    """One file that could not be made, and why."""

    source: str
    reason: str


@dataclass
class TransferBatch:
    """What became of all files."""

    done: list[TransferReport] = field(default_factory=list)
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
    made: Callable[[TransferReport], None] = lambda report: None,
    progress: ProgressCallback = silent,
) -> TransferBatch:
    """Transfer every file, and every audio file of every folder.

    Args:
        output: A file for one source, a folder for several; ``-`` is standard output. Unless given, files are named
            ``<source>-<style>.wav`` in the current folder.
        side_outputs: What else to keep: files for one source, folders for several.
        made: Told of each file as it is done.

    Raises:
        StyleboxError: nothing to transfer, or a file is named where a folder is needed.
    """
    files = [file for source in sources for file in _files_of(source)]
    if not files:
        raise AudioError(f"{sources[0] if sources else 'nothing'}: no audio files in it; name one, or another folder")
    several = len(files) > 1 or (str(sources[0]) != STREAM and sources[0].is_dir())
    side_outputs = side_outputs or SideOutputs()
    for target in (output, *side_outputs.paths()):
        if several and target is not None and not _names_folder(target):
            raise AudioError(f"{target}: is no folder, and there are several files; name a folder")
    batch = TransferBatch()
    for file, target in zip(files, output_names(files, output, options.style, several), strict=True):
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
) -> TransferReport:
    """Transfer one file; the output has the input's length to the sample, at the model's rate.

    Raises:
        StyleboxError: the input cannot be read, the output exists or cannot be written, an option is wrong.
    """
    side_outputs = side_outputs or SideOutputs()
    check_targets(output, side_outputs, pipeline.sample_rate, force)
    audio = load_audio(str(source) if str(source) == STREAM else source, pipeline.sample_rate)
    settings = pipeline.settings(options)
    begun = time.monotonic()
    result = pipeline.run(audio, options, progress)
    spent = time.monotonic() - begun
    clipped_db = write_audio(str(output) if str(output) == STREAM else output, result.audio, result.sample_rate)
    moved = register_move(options, result)
    write_side_outputs(side_outputs, Story(str(source), options.style, pipeline.model, settings, audio, result, moved))
    seconds = len(result.audio) / result.sample_rate
    return TransferReport(
        source=str(source),
        output=str(output),
        style=options.style,
        seconds=seconds,
        seed=result.seed,
        transpose=result.transpose,
        notes=len(result.notes),
        warnings=result.warnings if result.audio.any() else [*result.warnings, *_channel_faults(source)],
        clipped_db=clipped_db,
        real_time_factor=spent / max(seconds, 1e-9),
        moved=moved,
        settings=settings._asdict(),
        **{name: str(path) for name, path in side_outputs.named().items()},
    )


def register_move(options: TransferOptions, result: TransferResult) -> str | None:
    """The line that tells of a move into the style's register; None without one, or where --transpose asked for it."""
    if options.transpose is not None or result.transpose == 0:
        return None
    return describe_move(result.transpose, options.style)


def _channel_faults(source: Path) -> list[str]:
    """Why a recording may be silent that is not: its channels can cancel one another."""
    from stylebox.core.audio.channels import channel_faults

    return [] if str(source) == STREAM else channel_faults(source)


def check_targets(output: Path, side_outputs: SideOutputs, sample_rate: int, force: bool) -> None:
    """Before any work: everything can be written where it is to go.

    Raises:
        StyleboxError: a name is taken, is used twice, or has a suffix that is not understood.
    """
    check_format(output, sample_rate)
    side_outputs.check()
    targets = [path for path in (output, *side_outputs.paths()) if str(path) != STREAM]
    for target in targets:
        refuse_overwrite(target, force)
        if targets.count(target) > 1:
            raise AudioError(f"{target}: named for two things; give each a name of its own")


def output_names(files: Sequence[Path], output: Path | None, style: str, several: bool) -> list[Path]:
    """Where each file goes; sources of one name do not overwrite one another."""
    if output is not None and not several:
        return [output / _name(files[0], style, 0)] if output.is_dir() else [output]
    folder = output or Path()
    names: list[Path] = []
    for file in files:
        number = 0
        while (name := folder / _name(file, style, number)) in names:
            number += 1
        names.append(name)
    return names


def _names_folder(target: Path) -> bool:
    """Whether it is a folder, or can become one; a suffix on what is not there says that a file is meant."""
    return target.is_dir() or not (target.exists() or target.suffix or str(target) == STREAM)


def _name(file: Path, style: str, number: int) -> str:
    """`<file>-<style>.wav`, a style that is a path or a blend made fit for a file name."""
    stem = "take" if str(file) == STREAM else file.stem
    return f"{stem}-{style_slug(style)}{f'-{number + 1}' if number else ''}.wav"


def _files_of(source: Path) -> list[Path]:
    """The source itself, or a folder's audio files, by name."""
    if str(source) == STREAM or not source.is_dir():
        return [source]
    return sorted(path for path in source.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())
