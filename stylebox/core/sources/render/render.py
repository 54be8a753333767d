"""Scores to training material: every score played by several timbres, the notes kept beside each file.

Decides who plays what and writes it: `<instrument>/<score>_<timbre>.flac` with `.mid` and `.json`. Knows
nothing of how a timbre sounds; rooms, noise and detuning are left to training.
"""

import multiprocessing
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np

from stylebox.core.errors import SourceError, StyleboxError
from stylebox.core.music.instruments import instrument
from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, Note, transpose, write_midi
from stylebox.core.music.register import octave_shift
from stylebox.core.paths import atomic_path
from stylebox.core.progress import Progress, ProgressCallback, silent
from stylebox.core.sources.render import samples as sample_engine
from stylebox.core.sources.render import soundfont as soundfont_engine
from stylebox.core.sources.render.sample_sets import FoundSamples, SampleFolder, SampleRemark, find_sample_sets
from stylebox.core.sources.render.scores import midi_scores, pedalled, random_score
from stylebox.core.sources.render.timbres import Timbre, find_timbres
from stylebox.core.sources.sidecar import Sidecar, write_sidecar

SAMPLE_RATE = 44100  # Hz
_Pieces = Sequence[tuple[str, list[Note]]]  # scores by name
PEAK = 0.7  # of every file; training normalises loudness anyway


@dataclass(frozen=True)
class _Piece:
    """One file to be: a score, moved by `transpose`, played by a timbre."""

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
    """What became of a rendering."""

    written: int = 0
    skipped: int = 0  # there already
    seconds: dict[str, float] = field(default_factory=dict)  # by instrument, what was there included
    failures: list[str] = field(default_factory=list)  # one line each
    samples: list[SampleRemark] = field(default_factory=list)  # which recorded notes are not used as labelled


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
        to: Gets a folder for each instrument. What is there already is left as it is, and counts.
        scores: A folder of MIDI files; None makes music up.
        samples: A folder of recorded notes (see `sample_sets`), besides the SoundFonts.
        timbres_per_score: How many sound sources play each score; None: one for each instrument.
        pedal: Share of the pieces of struck and plucked instruments that are played with the pedal down; the notes
            beside a file still say what was written.
        seed: Decides scores and timbres; the files do not depend on `jobs`.
        jobs: Processes; with more than one, the calling script must guard its main part.

    Raises:
        SourceError: unknown instrument, nothing to play it with, or no scores.
    """
    for name in instruments:
        instrument(name)  # a misspelt one is refused before the samples are checked
    found = find_sample_sets(samples, instruments, progress) if samples else FoundSamples()
    timbres = find_timbres(instruments, soundfonts, found)
    pieces, unread = (None, []) if scores is None else midi_scores(scores, seconds_per_piece)
    plan = list(_plan(to, timbres, pieces, minutes, seconds_per_piece, timbres_per_score, pedal, seed))
    report = RenderReport(failures=unread, samples=list(found.remarks))
    total = sum(len(group) for group in plan) * seconds_per_piece / 60
    done = 0.0
    for piece, failure in _results(plan, jobs):
        name = piece.timbre.instrument
        if failure is None or failure == "":
            report.written += failure is None
            report.skipped += failure == ""
            report.seconds[name] = report.seconds.get(name, 0.0) + piece.seconds
        else:
            report.failures.append(failure)
        done += piece.seconds / 60
        progress(Progress("rendering", done, total, piece.path.name))
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
    """The pieces, grouped by score, until every instrument has its minutes: those with least go first."""
    rng = np.random.default_rng([seed, 1])
    have = dict.fromkeys((t.instrument for t in timbres), 0.0)
    count = len(have) if timbres_per_score is None else timbres_per_score
    fruitless = 0
    for score, notes in _scores(pieces, seconds, seed):
        if min(have.values()) >= minutes * 60:
            return
        group: list[_Piece] = []
        for timbre, shift in _cast(rng, timbres, notes, count, have):
            slug = re.sub(r"[^A-Za-z0-9]+", "-", timbre.name.split("/", 1)[1] if timbre.soundfont else timbre.name)
            path = to / timbre.instrument / f"{score}_{slug}.flac"
            piece_seed = crc32(f"{seed}/{score}/{timbre.name}".encode())
            group.append(_Piece(path, score, tuple(notes), timbre, shift, seconds, piece_seed, pedal))
            have[timbre.instrument] += seconds
        fruitless = 0 if group else fruitless + 1
        if fruitless > 1000:
            raise SourceError("no score fits the instruments' ranges; give a SoundFont or more samples")
        yield group


def _cast(
    rng: np.random.Generator,
    timbres: Sequence[Timbre],
    notes: Sequence[Note],
    count: int,
    have: dict[str, float],
) -> list[tuple[Timbre, int]]:
    """Who plays a score, `count` timbres with their octave shifts: each instrument once before any twice."""
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
        name = min(zip(names, order, strict=True), key=lambda n: (played[n[0]], have[n[0]], n[1]))[0]
        chosen.append(able[name].pop(int(rng.integers(len(able[name])))))
        played[name] += 1
    return chosen


def _scores(pieces: _Pieces | None, seconds: float, seed: int) -> Iterator[tuple[str, list[Note]]]:
    """Scores without end: made up, or a folder's, again and again in other keys."""
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
    """Every piece with None (written), "" (was there) or what went wrong."""
    if jobs <= 1:
        for group in plan:
            yield from zip(group, _render_group(group), strict=True)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            futures = {pool.submit(_render_group, group): group for group in plan}
            for future in as_completed(futures):
                yield from zip(futures[future], future.result(), strict=True)
        except BrokenProcessPool as error:
            raise SourceError("a rendering process died, perhaps for memory; use fewer --jobs") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _render_group(group: Sequence[_Piece]) -> list[str | None]:
    results: list[str | None] = []
    for piece in group:
        try:
            results.append(_render_piece(piece))
        except (StyleboxError, OSError) as error:
            results.append(str(error))
    return results


def _render_piece(piece: _Piece) -> str | None:
    """Write one piece, the audio last so that it never lacks its notes. Returns "" if it was there."""
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
    write_midi(piece.path.with_suffix(".mid"), written, timbre.program)
    write_sidecar(piece.path, sidecar)
    _write_flac(piece.path, audio)
    return None


@cache
def _sample_set(folder: SampleFolder) -> sample_engine.SampleSet:
    """This process's decoded samples of `folder`."""
    return sample_engine.SampleSet.open(folder.files)


def _write_flac(path: Path, audio: np.ndarray) -> None:
    """16 bit, at the common peak, the last 20 ms faded out since a note may be cut there."""
    import soundfile

    fade = min(round(0.02 * SAMPLE_RATE), len(audio))
    audio[len(audio) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    peak = float(np.abs(audio).max(initial=0.0))
    if peak > 1e-6:
        audio = audio * (PEAK / peak)
    with atomic_path(path) as partial:
        soundfile.write(partial, audio, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
