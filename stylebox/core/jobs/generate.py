"""`stylebox generate` as a job: new audio in a style, from a MIDI file or from a random score.

A file is made in blocks: memory hardly grows with it, and long work that was interrupted is continued.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stylebox import __version__
from stylebox.core.audio.clipping import excess_db, turned_down
from stylebox.core.audio.io.write import AudioWriter, check_format
from stylebox.core.audio.loudness import gain_to
from stylebox.core.audio.windows import windows
from stylebox.core.errors import SourceError
from stylebox.core.files import refuse_overwrite
from stylebox.core.jobs.kept_work import KEPT_SECONDS, kept_folder
from stylebox.core.jobs.outputs import FileReport, SideOutputs
from stylebox.core.jobs.pipelines import weights_state
from stylebox.core.jobs.sound_format import SoundFormat
from stylebox.core.music.midi.read import read_midi
from stylebox.core.music.notes import Note
from stylebox.core.pipeline.finish import energy_of
from stylebox.core.pipeline.options import TransferOptions, drawn_seed
from stylebox.core.pipeline.protocol import Pipeline
from stylebox.core.pipeline.result import TransferFacts, TransferResult
from stylebox.core.pipeline.score import NoteScore
from stylebox.core.pipeline.work import Track, Work
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.sources.render.scores import random_score
from stylebox.core.standard_streams import STREAM

DEFAULT_SECONDS = 12.0
MIN_SECONDS, MAX_SECONDS = 0.5, 3600.0
MAX_SCORE_SECONDS = 3 * 3600.0  # of given notes; a damaged MIDI file may say days
MIN_TEMPO, MAX_TEMPO = 0.25, 4.0
TAIL_SECONDS = 1.0  # for the last notes of a score to ring
_OUTPUT_DB = -20.0  # dBFS; there is no input whose loudness to keep
_OWNER = "stylebox generate"
_BLOCK_SAMPLES = 1 << 16


@dataclass(frozen=True)
class _Generated:
    """A sound that was made.

    Attributes:
        facts: What is reported of it.
        sound: At the model's own level, one value per sample.
        gain: Of the result.
    """

    facts: TransferFacts
    sound: Track
    gain: np.float32

    def blocks(self) -> Iterator[np.ndarray]:
        """All samples, ``(S,)`` each, at the common loudness; they may exceed full scale."""
        for w in windows(len(self.sound), _BLOCK_SAMPLES):
            yield self.sound.read(w.start, w.stop) * self.gain


def generate(
    pipeline: Pipeline,
    options: TransferOptions,
    *,
    notes: Sequence[Note] | None = None,
    seconds: float | None = None,
    tempo: float = 1.0,
    progress: ProgressCallback = silent,
) -> TransferResult:
    """Play notes in a style; without notes, a random score that the seed decides.

    Args:
        pipeline: The loaded model.
        options: What the user asks for.
        notes: The score, of at most three hours; the result ends one second after its last note.
        seconds: Length of a random score, from 0.5 to 3600; 12 unless given.
        tempo: Speed of the notes relative to the score, from 0.25 to 4; 2 is twice as fast.
        progress: Called as work goes on.

    Raises:
        SourceError: there are no notes, they are too long, or `seconds` or `tempo` is out of range.
        ModelError: the style is unknown, an option is out of range, or the model has no notes.
    """
    made = _generated(pipeline, options, notes, _seconds(notes, seconds, tempo), tempo, Work(), progress)
    facts, audio = made.facts, np.concatenate(list(made.blocks()))
    return TransferResult(audio, pipeline.sample_rate, facts.notes, facts.settings, facts.model, facts.warnings)


def _seconds(notes: Sequence[Note] | None, seconds: float | None, tempo: float) -> float:
    """The length of what is made; raises where an argument of `generate` is out of range."""
    if not MIN_TEMPO <= tempo <= MAX_TEMPO:
        raise SourceError(f"--tempo {tempo:g}: give a speed from {MIN_TEMPO:g} to {MAX_TEMPO:g}")
    if notes is None:
        seconds = DEFAULT_SECONDS if seconds is None else seconds
        if not MIN_SECONDS <= seconds <= MAX_SECONDS:
            raise SourceError(f"--seconds {seconds:g}: give a length from 0.5 to {MAX_SECONDS:g} seconds")
        return seconds
    if not notes:
        raise SourceError("there are no notes to play")
    return _length(at_tempo(notes, tempo)) + TAIL_SECONDS


def _generated(
    pipeline: Pipeline,
    options: TransferOptions,
    notes: Sequence[Note] | None,
    seconds: float,
    tempo: float,
    work: Work,
    progress: ProgressCallback,
) -> _Generated:
    """Play notes, or a random score; the work keeps what is computed, the seed included."""
    seed = work.keep("seed", drawn_seed(options.seed))
    score = random_score(np.random.default_rng(seed), seconds * tempo) if notes is None else notes
    played, config, num_samples = at_tempo(score, tempo), pipeline.mel_config, round(seconds * pipeline.sample_rate)
    num_frames = 1 + num_samples // config.hop_length
    note_score = NoteScore(played, num_frames, config.frames_per_second, pipeline.device)
    performance = pipeline.play(note_score, replace(options, seed=seed), num_samples, work, progress)
    assert performance.sound is not None
    assert performance.notes is not None
    gain_db = gain_to(energy_of(performance.sound, pipeline.sample_rate), _OUTPUT_DB)
    length = num_samples / pipeline.sample_rate
    facts = TransferFacts(performance.notes, performance.settings, pipeline.model, [*performance.remarks], length)
    return _Generated(facts, performance.sound, np.float32(10 ** (gain_db / 20)))


def at_tempo(notes: Sequence[Note], tempo: float) -> list[Note]:
    """Notes at another speed.

    >>> at_tempo([Note(1.0, 3.0, 60)], 2.0)[0][:2]
    (0.5, 1.5)
    """
    return [
        note._replace(start_seconds=note.start_seconds / tempo, end_seconds=note.end_seconds / tempo) for note in notes
    ]


def _length(notes: Sequence[Note], name: str = "the notes") -> float:
    """Seconds up to the end of the last note.

    Raises:
        SourceError: they are too many to be computed; the message begins with `name`.
    """
    seconds = max(note.end_seconds for note in notes)
    if seconds > MAX_SCORE_SECONDS:
        hours, most = seconds / 3600, MAX_SCORE_SECONDS / 3600
        raise SourceError(
            f"{name}: the last note ends after {hours:.1f} hours, at most {most:g} are played; cut a part"
        )
    return seconds


def generate_file(
    output: Path | None,
    options: TransferOptions,
    pipeline: Pipeline,
    *,
    notes: Path | None = None,
    seconds: float | None = None,
    tempo: float = 1.0,
    force: bool = False,
    progress: ProgressCallback = silent,
) -> FileReport:
    """Play a MIDI file, or a random score, in a style, and write the sound.

    Args:
        output: ``<notes>-<style>.wav`` or ``generated-<style>.wav`` unless given; ``-`` is standard output.
        options: What the user asks for.
        pipeline: The loaded model.
        notes: A MIDI file; it decides the length.
        seconds: Length of a random score.
        tempo: Speed of the notes relative to the score, from 0.25 to 4.
        force: Whether to overwrite the output.
        progress: Called as work goes on.

    Raises:
        SourceError: the MIDI file cannot be read or has no notes, or `seconds` is out of range.
        StyleboxError: the style or an option is wrong, or the output cannot be written.
    """
    begun = time.monotonic()
    score = None if notes is None else read_midi(notes)
    if score is not None and not score.notes:
        remarks = f" ({'; '.join(score.remarks)})" if score.remarks else ""
        raise SourceError(f"{notes}: has no notes to play{remarks}; choose another file")
    if score is not None:
        _length(at_tempo(score.notes, tempo), str(notes))
    stem = "generated" if notes is None else notes.stem
    name = f"{stem}-{options.spec.slug}.wav"
    target = output / name if output and output.is_dir() else output or Path(name)
    check_format(target, pipeline.sample_rate)
    if str(target) != STREAM:
        refuse_overwrite(target, force, [*([] if notes is None else [notes]), *options.spec.clips])
    found = None if score is None else score.notes
    length = _seconds(found, seconds, tempo)
    key = repr((__version__, weights_state(pipeline.model), str(pipeline.device), options, found, length, tempo))
    with _work(target, length, key) as work:
        if work.begun:
            progress(Progress("transferring", 0, note=f"{target}: continues where it was interrupted"))
        made = _generated(pipeline, options, found, length, tempo, work, progress)
        clipped_db = _write(target, made, pipeline.sample_rate)
        work.remove()
    facts = replace(made.facts, warnings=[*made.facts.warnings, *(score.remarks if score is not None else [])])
    source = stem if notes is None else str(notes)
    sound = SoundFormat(pipeline.sample_rate, 1, 16)
    return FileReport.of(
        facts, source, target, SideOutputs(), sound, clipped_db=clipped_db, work_seconds=time.monotonic() - begun
    )


@contextmanager
def _work(target: Path, seconds: float, key: str) -> Iterator[Work]:
    """The work on an output: in a folder that is kept, or in memory if the sound is short."""
    if seconds <= KEPT_SECONDS:
        yield Work()
    else:
        with kept_folder(target, _OWNER) as folder:
            yield Work(folder, key)


def _write(target: Path, made: _Generated, sample_rate: int) -> float:
    """Write the sound; gives by how many dB it was turned down so that it does not clip."""
    peak = max(float(np.abs(block).max()) for block in made.blocks())
    turned_down_db = excess_db(peak)
    with AudioWriter(target, sample_rate) as writer:
        for block in made.blocks():
            writer.write(turned_down(block, turned_down_db))
    return turned_down_db
