"""Renders scores as training material: several timbres play each score, and the notes are saved beside each file.

Decides which timbre plays which score and writes `<instrument>/<score>_<timbre>.flac` with `.mid` and `.json`. Knows
nothing of synthesis; rooms, noise and detuning are left to training.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

from stylebox.core.audio.io.write import write_audio
from stylebox.core.config import SAMPLE_RATE
from stylebox.core.errors import SourceError, StyleboxError, error_message
from stylebox.core.files import remove_partial_files
from stylebox.core.music.instruments import instrument
from stylebox.core.music.midi.write import write_midi
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, Note, transpose
from stylebox.core.music.register import octave_shift
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.sources.render import samples as sample_engine
from stylebox.core.sources.render import soundfont as soundfont_engine
from stylebox.core.sources.render.sample_sets import FoundSamples, SampleFolder, SampleRemark, find_sample_sets
from stylebox.core.sources.render.scores import midi_scores, pedalled, random_score
from stylebox.core.sources.render.timbres import Timbre, find_timbres
from stylebox.core.sources.sidecar import Sidecar, write_sidecar
from stylebox.core.worker_processes import run_all

_Pieces = Sequence[tuple[str, list[Note]]]  # names and notes of scores
PEAK = 0.7  # of every file; training normalises the loudness


@dataclass(frozen=True)
class _Piece:
    """One file to write: a score, transposed by `transpose` semitones, played by a timbre."""

    path: Path
    score: str
    notes: tuple[Note, ...]
    timbre: Timbre
    transpose: int
    seconds: float
    seed: int
    pedal: float


@dataclass
class RenderReport:
    """The results of a rendering."""

    written: int = 0
    skipped: int = 0  # existed already
    seconds: dict[str, float] = field(default_factory=dict)  # by instrument, with existing files
    failures: list[str] = field(default_factory=list)  # one line per piece
    samples: list[SampleRemark] = field(default_factory=list)  # recorded notes that are not used as labelled
    scores: list[str] = field(default_factory=list)  # what to know of the MIDI files, one line per fact

    def add(self, piece: _Piece, failure: str | None) -> None:
        """Count a piece: `failure` is None if it was written, "" if it existed, otherwise the reason."""
        if failure:
            self.failures.append(failure)
            return
        self.written += failure is None
        self.skipped += failure == ""
        name = piece.timbre.instrument
        self.seconds[name] = self.seconds.get(name, 0.0) + piece.seconds


def render(
    to: Path,
    *,
    instruments: Sequence[str],
    scores: Path | None = None,
    minutes: float = 10.0,
    soundfonts: Sequence[Path] = (),
    samples: Path | None = None,
    seconds_per_piece: float = 12.0,
    timbres_per_score: int | None = None,
    pedal: float = 0.0,
    seed: int = 42,
    jobs: int = 1,
    progress: ProgressCallback = silent,
) -> RenderReport:
    """Render scores until every instrument has `minutes` of audio.

    Args:
        to: Receives one folder per instrument. Existing files stay and count.
        instruments: Names of instruments.
        scores: A folder of MIDI files; None generates scores.
        minutes: Audio per instrument.
        soundfonts: SoundFonts to play with.
        samples: A folder of recorded notes to play with (see `sample_sets`).
        seconds_per_piece: Length of each file.
        timbres_per_score: Number of sound sources that play each score; None: one per instrument.
        pedal: Share of the pieces of struck and plucked instruments, 0 to 1, that are played with the pedal down; the
            MIDI file keeps the written note ends.
        seed: Decides scores and timbres; the files do not depend on `jobs`.
        jobs: Number of processes; a script that uses more than one must guard its main part.
        progress: Called after each piece.

    Raises:
        SourceError: An instrument is unknown or has no sound source, or there are no scores.
    """
    for name in instruments:
        instrument(name)  # refuse an unknown one before the samples are checked
    found = find_sample_sets(samples, instruments, progress) if samples else FoundSamples()
    timbres = find_timbres(instruments, soundfonts, found)
    found_scores = None if scores is None else midi_scores(scores, seconds_per_piece)
    pieces = None if found_scores is None else found_scores.pieces
    plan = list(_plan(to, timbres, pieces, minutes, seconds_per_piece, timbres_per_score, pedal, seed))
    report = RenderReport(samples=list(found.remarks))
    if found_scores is not None:
        report.failures, report.scores = found_scores.unread, found_scores.remarks
    total = sum(len(group) for group in plan) * seconds_per_piece / 60
    try:
        for number, (piece, failure) in enumerate(_results(plan, jobs), start=1):
            report.add(piece, failure)
            progress(Progress("rendering", number * seconds_per_piece / 60, total, piece.path.name))
    finally:
        for name in {timbre.instrument for timbre in timbres}:
            remove_partial_files(to / name)
    return report


def _plan(
    to: Path,
    timbres: Sequence[Timbre],
    pieces: _Pieces | None,
    minutes: float,
    seconds: float,
    timbres_per_score: int | None,
    pedal: float,
    seed: int,
) -> Iterator[list[_Piece]]:
    """The pieces, grouped by score, until every instrument has its minutes; least served first."""
    rng = np.random.default_rng([seed, 1])
    planned = dict.fromkeys((t.instrument for t in timbres), 0.0)  # seconds
    count = len(planned) if timbres_per_score is None else timbres_per_score
    num_unplayable = 0
    for score, notes in _scores(pieces, seconds, seed):
        if min(planned.values()) >= minutes * 60:
            return
        group: list[_Piece] = []
        for timbre, shift in _choose_timbres(rng, timbres, notes, count, planned):
            slug = re.sub(r"[^A-Za-z0-9]+", "-", timbre.name.split("/", 1)[1] if timbre.soundfont else timbre.name)
            path = to / timbre.instrument / f"{score}_{slug}.flac"
            piece_seed = crc32(f"{seed}/{score}/{timbre.name}".encode())
            group.append(_Piece(path, score, tuple(notes), timbre, shift, seconds, piece_seed, pedal))
            planned[timbre.instrument] += seconds
        num_unplayable = 0 if group else num_unplayable + 1
        if num_unplayable > 1000:
            raise SourceError("no score fits the instruments' ranges; give a SoundFont or more samples")
        yield group


def _choose_timbres(
    rng: np.random.Generator,
    timbres: Sequence[Timbre],
    notes: Sequence[Note],
    count: int,
    planned: dict[str, float],
) -> list[tuple[Timbre, int]]:
    """Choose `count` timbres for a score, with octave shifts; each instrument once before any twice."""
    pitches = [note.pitch for note in notes]
    able: dict[str, list[tuple[Timbre, int]]] = {}
    for timbre in timbres:
        shift = octave_shift(notes, timbre.register)
        low, high = timbre.reach
        if low <= min(pitches) + shift and max(pitches) + shift <= high:
            able.setdefault(timbre.instrument, []).append((timbre, shift))
    chosen: list[tuple[Timbre, int]] = []
    played = dict.fromkeys(able, 0)
    for _ in range(min(count, sum(map(len, able.values())))):
        names = [name for name, free in able.items() if free]
        order = rng.random(len(names))
        name = min(zip(names, order, strict=True), key=lambda n: (played[n[0]], planned[n[0]], n[1]))[0]
        chosen.append(able[name].pop(int(rng.integers(len(able[name])))))
        played[name] += 1
    return chosen


def _scores(pieces: _Pieces | None, seconds: float, seed: int) -> Iterator[tuple[str, list[Note]]]:
    """Endless scores: generated ones, or those of a folder, repeated in other keys."""
    if pieces is None:
        index = 0
        while True:
            yield f"s{seed}-{index:05d}", random_score(np.random.default_rng([seed, 2, index]), seconds)
            index += 1
    rng = np.random.default_rng([seed, 3])
    lap = 0
    while True:
        for at in rng.permutation(len(pieces)):
            name, notes = pieces[at]
            moved = transpose(notes, int(rng.integers(-5, 7)) if lap else 0)
            inside = [n for n in moved if LOWEST_KEY <= n.pitch < LOWEST_KEY + NUM_KEYS]
            if inside:
                yield f"{name}-{lap}", inside
        lap += 1


def _results(plan: Sequence[list[_Piece]], jobs: int) -> Iterator[tuple[_Piece, str | None]]:
    """Every piece with None (written), "" (existed) or the reason of a failure."""
    for position, results in run_all(_render_group, plan, jobs):
        yield from zip(plan[position], results, strict=True)


def _render_group(group: Sequence[_Piece]) -> list[str | None]:
    results: list[str | None] = []
    for piece in group:
        try:
            results.append(_render_piece(piece))
        except (StyleboxError, OSError) as error:
            results.append(error_message(error))
    return results


def _render_piece(piece: _Piece) -> str | None:
    """Write one piece, the audio last so that its notes always exist. Returns "" if it existed."""
    if piece.path.exists():
        return ""
    timbre, written = piece.timbre, transpose(piece.notes, piece.transpose)
    player = instrument(timbre.instrument)
    foot = np.random.default_rng([piece.seed, 7])
    down = not player.sustained and foot.random() < piece.pedal
    notes = pedalled(foot, written, piece.seconds) if down else written
    if timbre.soundfont is not None:
        audio = soundfont_engine.synthesise(notes, timbre.soundfont, timbre.program, piece.seconds, SAMPLE_RATE)
    else:
        assert timbre.samples is not None
        audio = sample_engine.synthesise(
            notes,
            _sample_set(timbre.samples),
            piece.seconds,
            SAMPLE_RATE,
            np.random.default_rng(piece.seed),
            player.sustained,
            player.release_seconds,
        )
    sidecar = Sidecar(
        title=f"{piece.score} by {timbre.name}",
        license=timbre.samples.license if timbre.samples else None,
        duration_seconds=piece.seconds,
        score=piece.score,
        transpose=piece.transpose,
        timbre=timbre.name,
    )
    write_midi(piece.path.with_suffix(".mid"), written, timbre.program, follow_link=False)
    write_sidecar(piece.path, sidecar)
    write_flac(piece.path, audio)
    return None


@cache
def _sample_set(folder: SampleFolder) -> sample_engine.SampleSet:
    """The decoded samples of `folder`, once per process."""
    return sample_engine.SampleSet.open(folder.files)


def write_flac(path: Path, audio: np.ndarray) -> None:
    """Write 16 bit at the common peak; the last 20 ms fade out, since a note may be cut there.

    Shape:
        ``audio`` is ``(S,)``.
    """
    fade = min(round(0.02 * SAMPLE_RATE), len(audio))
    audio[len(audio) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    peak = float(np.abs(audio).max(initial=0.0))
    if peak > 1e-6:
        audio = audio * (PEAK / peak)
    write_audio(path, audio, SAMPLE_RATE, follow_link=False)
