"""Tests of timbres beyond General MIDI: the sound of a clip, a blend of two styles, a synthetic sound."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from scipy.signal import lfilter

from bench.basic_pitch_baseline import BasicPitchBaseline
from bench.comparison import Comparison
from bench.page import Cell, Section, Table
from bench.systems import BASELINE, ENVELOPE, Recording, Styles
from stylebox.core.audio.loudness import match_loudness
from stylebox.core.config import ANALYSIS_RATE
from stylebox.core.evaluation.envelope import cross_synthesis
from stylebox.core.evaluation.metrics.distance import mel_distance_db
from stylebox.core.evaluation.metrics.timbre import timbre_distance
from stylebox.core.music.instruments import INSTRUMENTS
from stylebox.core.music.notes import Note, key_hz
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.sources.render.scores import random_score
from stylebox.core.sources.render.soundfont import synthesise

CLIP_SECONDS = 12.0  # of a clip, and of what its sound is compared with
SHORTEST_SECONDS = 2.5  # of either
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
CONTENTS = 3  # inputs that are played
PROGRAMS = 112  # of General MIDI; the rest are effects and drums


class TimbreTests:
    """Ours and the alternatives on the same inputs."""

    def __init__(
        self, pipeline: BasePipeline, baseline: BasicPitchBaseline, recordings: Sequence[Recording], seed: int
    ) -> None:
        self.pipeline, self.baseline, self.recordings, self.seed = pipeline, baseline, recordings, seed
        self._midi = {r.name: baseline.transcribe(r.audio) for r in recordings}

    def ours(self, audio: np.ndarray, style: str) -> np.ndarray:
        """Our transfer of audio ``(S,)``."""
        return self.pipeline.transfer(audio, TransferOptions(style, seed=self.seed)).audio

    def program(self, recording: Recording, program: int) -> np.ndarray:
        """A recording's transcription by one program."""
        played = self.baseline.play(self._midi[recording.name], program, len(recording.audio))
        return match_loudness(played, recording.audio, ANALYSIS_RATE)

    def distance(self, outputs: Sequence[np.ndarray], *references: np.ndarray) -> float:
        """Mean timbre distance of outputs to a sound."""
        return float(np.mean([timbre_distance(references, out, self.pipeline.mel_config) for out in outputs]))

    def clips(self, whole: Sequence[tuple[Recording, np.ndarray]]) -> tuple[Section, list[Comparison]]:
        """The style is one half of a real recording; the sound is compared with its other half."""
        rows: list[list[Cell]] = []
        with TemporaryDirectory() as folder:
            for source, audio in whole:
                clip, other = _halves(audio)
                contents = [r for r in self.recordings if r.instrument != source.instrument][:CONTENTS]
                if min(len(clip), len(other)) < SHORTEST_SECONDS * ANALYSIS_RATE or not contents:
                    continue
                path = _written(Path(folder) / f"{source.name}.wav", clip)
                known = source.instrument in self.pipeline.named_styles
                programs = INSTRUMENTS[source.instrument].programs if source.instrument in INSTRUMENTS else ()
                outputs = [
                    [r.audio for r in contents],
                    [clip],
                    [self.ours(r.audio, str(path)) for r in contents],
                    [self.ours(r.audio, source.instrument) for r in contents] if known else [],
                    [self.program(r, programs[0]) for r in contents] if programs else [],
                    [cross_synthesis(r.audio, clip, ANALYSIS_RATE) for r in contents],
                ]
                figures = [self.distance(made, other) if made else None for made in outputs]
                rows.append([f"{source.name} ({source.instrument})", *figures])
        both = [row for row in rows if row[5] is not None]
        rows.append(["mean", *(_mean(column) for column in list(zip(*rows, strict=True))[1:])])
        header = ["clip", "content", "the clip", "ours by clip", "ours by name", BASELINE, ENVELOPE]
        explanation = (
            f"The first half of a real recording (at most {CLIP_SECONDS:g} s) is the style; timbre distance of the "
            f"output to its second half, mean over {CONTENTS} recordings of other instruments. `{BASELINE}` plays the "
            "clip's instrument by its General MIDI program, `ours by name` by the style library. `the clip`: what the "
            "first half itself has, about the best there is."
        )
        held = Comparison("style from a clip: timbre distance", *(_mean([row[i] for row in both]) for i in (3, 5)))
        return Section("Style from a clip", [explanation, Table(header, rows)]), [held]

    def blends(self, styles: Styles) -> tuple[Section, list[Comparison]]:
        """From one style to another: does the sound move step by step?"""
        first, *_, last = styles.references
        contents = [r for r in self.recordings if r.instrument not in (first, last)][:CONTENTS]
        programs = [INSTRUMENTS[name].programs[0] for name in (first, last)]

        def mixed(recording: Recording, weight: float) -> np.ndarray:
            one, other = (self.program(recording, program) for program in programs)
            return match_loudness((1 - weight) * one + weight * other, recording.audio, ANALYSIS_RATE)

        ways = {
            "ours": lambda r, w: self.ours(r.audio, f"{first}:{1 - w},{last}:{w}"),
            f"{BASELINE}, two programs mixed": mixed,
        }
        rows: list[list[Cell]] = []
        good: list[int] = []
        for title, make in ways.items():
            outputs = {weight: [make(r, weight) for r in contents] for weight in WEIGHTS}
            curves = [[self.distance(outputs[w], *styles.references[name]) for w in WEIGHTS] for name in (first, last)]
            right = [right_steps(curve, falls) for curve, falls in zip(curves, (False, True), strict=True)]
            for name, curve, steps in zip((first, last), curves, right, strict=True):
                rows.append([f"{title}, to {name}", *curve, f"{steps} of {len(WEIGHTS) - 1}"])
            good.append(sum(right))
        header = ["", *(f"{1 - w:g} : {w:g}" for w in WEIGHTS), "right way"]
        explanation = (
            f"{first} : {last}, mean over {CONTENTS} recordings: timbre distance to either style's references as the "
            "weight moves. `right way`: how many of the steps go towards what gains weight, or away from what loses "
            "it. Mixing two programs gives two players; a blend is meant to be one."
        )
        ours, theirs = good
        held = Comparison("blends: steps the right way", ours, theirs, aim=2 * (len(WEIGHTS) - 1))
        return Section("Blends", [explanation, Table(header, rows, digits=3)]), [held]

    def synthetic(self) -> tuple[Section, list[Comparison]]:
        """Synthetic sounds outside General MIDI. The true answer is known: the same score in that sound."""
        rng = np.random.default_rng(self.seed)
        scores = [random_score(rng, CLIP_SECONDS) for _ in range(CONTENTS + 1)]
        contents = [synthesise(score, self.baseline.soundfont, 0, CLIP_SECONDS, ANALYSIS_RATE) for score in scores[1:]]
        transcribed = [self.baseline.transcribe(audio) for audio in contents]
        rows: list[list[Cell]] = []
        with TemporaryDirectory() as folder:
            for name, play in SYNTHETIC.items():
                clip, *targets = (_performed(score, play) for score in scores)
                path = _written(Path(folder) / f"{name}.wav", clip)

                def by_program(program: int) -> list[np.ndarray]:
                    return [self.baseline.play(midi, program, len(clip)) for midi in transcribed]  # noqa: B023, used at once

                tried = {program: self.distance(by_program(program), clip) for program in range(PROGRAMS)}
                nearest = min(tried, key=tried.__getitem__)
                answers = {
                    "the content itself": contents,
                    "ours by clip": [self.ours(audio, str(path)) for audio in contents],
                    f"{BASELINE}, program {nearest}": by_program(nearest),
                    ENVELOPE: [cross_synthesis(audio, clip, ANALYSIS_RATE) for audio in contents],
                }
                for who, made in answers.items():
                    pairs = list(zip(targets, made, strict=True))
                    timbre = _mean([self.distance([sound], target) for target, sound in pairs])
                    level = _mean([mel_distance_db(target, sound, self.pipeline.mel_config) for target, sound in pairs])
                    rows.append([f"{name}: {who}", timbre, level])
        explanation = (
            f"{CONTENTS} random scores of {CLIP_SECONDS:g} s, played by the SoundFont's piano, are transferred to a "
            "synthetic sound; the clip is another score in that sound. The true answer is known: timbre distance and "
            f"mel distance (dB, silence included) to it. `{BASELINE}` plays the one of {PROGRAMS} programs that is "
            "nearest to the clip, found by trying all: more than a user would do. The mel distance measures attack "
            "and decay; a mean spectrum does not."
        )
        held = [
            Comparison(f"no General MIDI program: {figure}", *(_mean([row[i] for row in rows[n::4]]) for n in (1, 2)))
            for i, figure in ((1, "timbre distance"), (2, "mel dB"))
        ]
        table = Table(["", "timbre", "mel dB"], rows)
        return Section("Sounds that are no General MIDI program", [explanation, table]), held


def right_steps(curve: Sequence[float], falls: bool) -> int:
    """How many steps of a curve go the way they should.

    >>> right_steps([0.5, 0.4, 0.45, 0.2], falls=True)
    2
    """
    return int(((np.diff(curve) < 0) == falls).sum())


def _mean(figures: Sequence[Cell]) -> float:
    """Of those there are; NaN if there are none."""
    known = [figure for figure in figures if isinstance(figure, float)]
    return float(np.mean(known)) if known else float("nan")


def _halves(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle, most = len(audio) // 2, round(CLIP_SECONDS * ANALYSIS_RATE)
    return audio[: min(middle, most)], audio[middle : middle + most]


def _written(path: Path, audio: np.ndarray) -> Path:
    soundfile.write(path, audio, ANALYSIS_RATE, subtype="FLOAT")
    return path


def _performed(notes: Sequence[Note], play: Callable[[float, np.ndarray], np.ndarray]) -> np.ndarray:
    """A score by a synthetic sound, ``(S,)``."""
    total = np.zeros(round(CLIP_SECONDS * ANALYSIS_RATE))
    for note in notes:
        start = round(note.start_seconds * ANALYSIS_RATE)
        seconds = (
            np.arange(min(round((note.end_seconds - note.start_seconds + 0.3) * ANALYSIS_RATE), len(total) - start))
            / ANALYSIS_RATE
        )
        held = np.clip((note.end_seconds - note.start_seconds + 0.3 - seconds) / 0.3, 0, 1)
        total[start : start + len(seconds)] += note.velocity * held * play(key_hz(note.pitch), seconds)
    scaled: np.ndarray = 0.3 * total / max(np.abs(total).max(), 1e-9)
    return scaled.astype(np.float32)


def _bell(hz: float, seconds: np.ndarray) -> np.ndarray:
    """Frequency modulation at an inharmonic ratio, its index dying away (Chowning 1973)."""
    index = 4.0 * np.exp(-2.5 * seconds)
    return np.exp(-1.5 * seconds) * np.sin(2 * np.pi * hz * seconds + index * np.sin(2 * np.pi * 1.4 * hz * seconds))


def _vowel(hz: float, seconds: np.ndarray) -> np.ndarray:
    """A saw through three resonances, as of an "ah"."""
    sound = sum(np.sin(2 * np.pi * h * hz * seconds) / h for h in range(1, int(ANALYSIS_RATE / 2 / hz) + 1))
    for formant, width in ((800.0, 80.0), (1150.0, 90.0), (2900.0, 120.0)):  # Hz
        radius = np.exp(-np.pi * width / ANALYSIS_RATE)
        feedback = [1, -2 * radius * np.cos(2 * np.pi * formant / ANALYSIS_RATE), radius**2]
        sound = sound + 3 * lfilter([1 - radius], feedback, sound)
    return np.clip(seconds / 0.03, 0, 1) * sound


SYNTHETIC = {"FM bell": _bell, "formant saw": _vowel}
