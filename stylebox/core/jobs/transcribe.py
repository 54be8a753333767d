"""`stylebox transcribe` as a job: recordings in, MIDI files out. A bad file does not stop the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stylebox.core.errors import AudioError, StyleboxError, error_message
from stylebox.core.files import refuse_overwrite
from stylebox.core.jobs.batch import free_path, names_folder
from stylebox.core.jobs.input_file import InputFile
from stylebox.core.jobs.inputs import InputPath, find_inputs
from stylebox.core.music.midi.files import is_midi
from stylebox.core.music.midi.write import midi_velocity
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.pipeline.transcription import Transcription
from stylebox.core.progress import Progress, ProgressCallback, silent

SUFFIX = ".mid"


@dataclass(frozen=True)
class FoundNote:
    """A note as `--json` prints it.

    Attributes:
        start: In seconds.
        end: In seconds.
        pitch: MIDI number of its key.
        velocity: As in the MIDI file, 1 to 127.
        cents: How far it sounds from its key, on average.
    """

    start: float
    end: float
    pitch: int
    velocity: int
    cents: float


@dataclass(frozen=True)
class TranscriptionReport:
    """A recording that was transcribed.

    Attributes:
        source: The recording.
        output: The MIDI file.
        seconds: Length of the recording.
        notes: In order of time.
        warnings: What was left out of the recording, in the words of a transfer.
    """

    source: str
    output: str
    seconds: float
    notes: list[FoundNote]
    warnings: list[str]


@dataclass
class TranscriptionBatch:
    """The outcome for all recordings, in order.

    Attributes:
        done: Those that were transcribed.
        failed: A line per recording that was not.
        skipped: MIDI files that exist already.
        passed_over: Lines that say how many files were not taken as recordings, and why.
    """

    done: list[TranscriptionReport] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def transcribe_files(
    sources: Sequence[Path],
    output: Path | None,
    pipeline: Pipeline,
    *,
    bends: bool = True,
    force: bool = False,
    made: Callable[[TranscriptionReport], None] = lambda report: None,
    progress: ProgressCallback = silent,
) -> TranscriptionBatch:
    """Transcribe every file, and every audio file of every folder.

    Args:
        sources: Files, folders and patterns; ``-`` is standard input.
        output: A file for one recording, a folder for several; ``<recording>.mid`` in the current folder unless given.
        pipeline: The loaded model.
        bends: Write pitch bends.
        force: Replace existing files. Of several recordings, finished ones are skipped otherwise.
        made: Called with the report of each file when it is written.
        progress: Called as work goes on.

    Raises:
        AudioError: There is nothing to transcribe, or a file is named where a folder is needed.
        StyleboxError: `output` has the wrong suffix.
    """
    inputs = find_inputs(sources)
    if inputs.several and output is not None and not names_folder(output):
        raise AudioError(f"{output}: is not a folder, and there are several files; name a folder")
    batch = TranscriptionBatch(failed=list(inputs.problems.values()), passed_over=inputs.passed_over)
    targets = _targets(inputs.recordings, output, inputs.several)
    for number, (recording, target) in enumerate(zip(inputs.recordings, targets, strict=True)):
        if inputs.several:
            progress(Progress("transcribing", number, len(targets), recording.path.name))
            if target.exists() and not force:
                batch.skipped.append(str(target))
                continue
        own = silent if inputs.several else progress
        try:
            report = transcribe_file(recording.path, target, pipeline, bends=bends, force=force, progress=own)
        except Exception as error:
            if not inputs.several and not isinstance(error, StyleboxError | OSError):
                raise
            batch.failed.append(_reason(recording.path, error))
        else:
            batch.done.append(report)
            made(report)
    return batch


def transcribe_file(
    source: Path,
    output: Path,
    pipeline: Pipeline,
    *,
    bends: bool = True,
    force: bool = False,
    progress: ProgressCallback = silent,
) -> TranscriptionReport:
    """Transcribe one recording to a MIDI file.

    Args:
        source: The recording; ``-`` is standard input.
        output: The MIDI file.
        pipeline: The loaded model.
        bends: Write pitch bends.
        force: Replace an existing file.
        progress: Called as work goes on.

    Raises:
        StyleboxError: The recording cannot be read, the file exists or has the wrong suffix, or the model has no notes.
    """
    if not is_midi(output):
        raise StyleboxError(f"{output}: notes are written as MIDI; end its name with {SUFFIX}")
    refuse_overwrite(output, force, [source])
    with InputFile(source, pipeline, owner="stylebox transcribe") as shared, shared.work(output) as work:
        score = pipeline.transcribe_recording(shared.source, work, progress)
        found = Transcription.of(score, pipeline.mel_config.frames_per_second, shared.source.seconds)
        found.save(output, bends)
        work.remove()
    notes = [
        FoundNote(round(n.start_seconds, 4), round(n.end_seconds, 4), n.pitch, midi_velocity(n), round(n.cents, 1))
        for n in found.notes
    ]
    return TranscriptionReport(str(source), str(output), found.seconds, notes, list(shared.recording.remarks))


def _reason(source: Path, error: Exception) -> str:
    """Why a recording was not transcribed, in a line that names it."""
    message = error_message(error)
    return message if isinstance(error, StyleboxError | OSError) else f"{source}: {message}"


def _targets(recordings: Sequence[InputPath], output: Path | None, several: bool) -> list[Path]:
    """The MIDI file of each recording; of two that share a name, the second keeps its suffix."""
    if output is not None and not several and not names_folder(output):
        return [output]
    taken = set[str]()
    return [free_path(output or Path(), recording, SUFFIX, taken) for recording in recordings]
