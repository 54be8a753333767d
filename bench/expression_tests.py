"""Tests of expression: swells, vibrato, slides and gaps between notes, on synthetic tones that are known exactly.

Each gesture is a synthetic recording of which loudness and pitch are known at every sample; what is measured is how
much of the gesture an output has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bench.comparison import Comparison
from bench.page import Section, Table
from bench.systems import BASELINE, BENT, OURS
from stylebox.core.audio.loudness import loudness_contour
from stylebox.core.config import ANALYSIS_RATE
from stylebox.core.evaluation.metrics.content import pitch_contour
from stylebox.core.evaluation.systems import SystemOutput
from stylebox.core.music.notes import key_hz

PARTIALS = 12
FLOOR_DB = -60.0
VIBRATO_HZ, VIBRATO_CENTS = 5.5, 30.0  # 60 cents from trough to crest
SCALE = (69, 71, 72, 74, 76, 74, 72, 71)  # A4 and up
INPUT = "the input itself"
COLUMNS = ("crescendo", "swell", "staccato dB", "legato dB", "vibrato", "vibrato cents", "slide cents")
_HOP = 512  # samples, of pitch contours
_EDGE_SECONDS = 0.15  # of a note, left out at both ends

Player = Callable[[np.ndarray, str], SystemOutput]


@dataclass(frozen=True)
class Span:
    """A note as it is played: from, to, in seconds, and the MIDI number it has on average."""

    start: float
    stop: float
    key: float


def tone(keys: np.ndarray, level: np.ndarray) -> np.ndarray:
    """A rich tone whose pitch (MIDI, fractions allowed) and amplitude are given sample by sample, ``(S,)``."""
    hz = key_hz(keys)
    phase = 2 * np.pi * np.cumsum(hz) / ANALYSIS_RATE
    sound = sum(np.sin(h * phase) * (h * hz < ANALYSIS_RATE / 2) / h**1.2 for h in range(1, PARTIALS + 1))
    scaled: np.ndarray = 0.1 * level * sound
    return scaled.astype(np.float32)


def envelope(seconds: np.ndarray, spans: list[Span], levels: np.ndarray | None = None) -> np.ndarray:
    """Amplitude over time: each note rises in 20 ms and falls in 30."""
    total = np.zeros_like(seconds)
    for span, level in zip(spans, np.ones(len(spans)) if levels is None else levels, strict=True):
        total += level * np.clip((seconds - span.start) / 0.02, 0, 1) * np.clip((span.stop - seconds) / 0.03, 0, 1)
    return total


def notes_in_a_row(length: float, share: float) -> tuple[np.ndarray, list[Span], np.ndarray]:
    """Time, spans and keys of a scale: a note every `length` seconds that sounds for that share of it."""
    spans = [Span(0.25 + i * length, 0.25 + (i + share) * length, key) for i, key in enumerate(SCALE)]
    seconds = np.arange(round((0.5 + length * len(SCALE)) * ANALYSIS_RATE)) / ANALYSIS_RATE
    index = np.clip((seconds - 0.25) // length, 0, len(SCALE) - 1).astype(int)
    return seconds, spans, np.array(SCALE, float)[index]


def expression_tests(players: Mapping[str, Player]) -> tuple[Section, list[Comparison]]:
    """All gestures by everyone; and ours beside transcriber + SoundFont."""
    everyone: dict[str, Player] = {INPUT: lambda audio, style: SystemOutput(audio), **players}
    figures = {
        name: [*_swells(play), *_articulation(play), *_vibrato(play), _slide(play)] for name, play in everyone.items()
    }
    explanation = [
        f"On synthetic recordings (a tone of {PARTIALS} partials, A4 to E5) of which loudness and pitch are known at "
        "every sample. Vibrato and slide are played as violin, the others as flute.",
        "\n".join(
            [
                "- crescendo: eight notes from -24 to 0 dB; the slope of the output's note levels over the input's. 1 "
                "is all of it, 0 none.",
                "- swell: one note of 4 s that rises by 20 dB and falls again; the same slope, over the contour.",
                "- staccato, legato: eight notes, a beat of 0.5 s, sounding for 30 % or 96 % of it; by how many dB the "
                "second half of the beat lies under its beginning, at most 40. As the input's is best.",
                f"- vibrato: four notes of 1.4 s, {VIBRATO_HZ} Hz, {2 * VIBRATO_CENTS:g} cents from trough to crest; "
                "the share of its extent that the output's pitch contour has at that rate, and the median error of the "
                "contour in cents. A steady pitch has an error of 21 cents.",
                "- slide: four semitones up in 2 s; median error of the contour in cents. A frame without pitch counts "
                "as 1200.",
            ]
        ),
    ]
    table = Table(["", *COLUMNS], [[name, *row] for name, row in figures.items()])
    columns = zip(COLUMNS, figures[OURS], figures[BASELINE], figures[BENT], figures[INPUT], strict=True)
    held = [
        Comparison(what, ours, min(theirs, key=lambda figure: abs(figure - aim)), aim)
        for what, ours, *theirs, aim in columns
    ]
    return Section("Expression: dynamics, articulation, vibrato, slides", [*explanation, table]), held


def _swells(play: Player) -> list[float]:
    """Share of a crescendo over notes, and of a swell within one."""
    seconds, spans, keys = notes_in_a_row(0.5, 0.9)
    levels_db = np.linspace(-24, 0, len(spans))
    made = play(tone(keys, envelope(seconds, spans, 10 ** (levels_db / 20))), "flute").audio
    found_db = [_level_db(made, span.start, span.stop) for span in spans]
    one = [Span(0.25, 4.25, 72)]
    seconds = np.arange(round(4.5 * ANALYSIS_RATE)) / ANALYSIS_RATE
    wave = tone(
        np.full(len(seconds), 72.0),
        envelope(seconds, one) * 10 ** (-np.abs(seconds - 2.25) / 2),  # 20 dB under the top at both ends
    )
    wanted, found = (loudness_contour(x, 4096, 1024) for x in (wave, play(wave, "flute").audio))
    inside = slice(round(0.5 * ANALYSIS_RATE / 1024), round(4.0 * ANALYSIS_RATE / 1024))
    return [_slope(levels_db, np.array(found_db)), _slope(wanted[inside], found[inside])]


def _articulation(play: Player) -> list[float]:
    """How far the level drops within a beat, in dB: staccato, then legato."""
    depths = []
    for share in (0.3, 0.96):
        seconds, spans, keys = notes_in_a_row(0.5, share)
        made = play(tone(keys, envelope(seconds, spans)), "flute").audio
        drops = [
            _level_db(made, s.start + 0.02, s.start + 0.12) - _level_db(made, s.start + 0.25, s.start + 0.45)
            for s in spans
        ]
        depths.append(float(np.median(np.clip(drops, -40, 40))))
    return depths


def _vibrato(play: Player) -> list[float]:
    """Share of the extent that is kept, and the contour's median error in cents."""
    spans = [Span(0.25 + 1.5 * i, 1.65 + 1.5 * i, key) for i, key in enumerate(SCALE[:4])]
    seconds = np.arange(round(6.25 * ANALYSIS_RATE)) / ANALYSIS_RATE
    index = np.clip((seconds - 0.2) // 1.5, 0, 3).astype(int)
    bend = VIBRATO_CENTS / 100 * np.sin(2 * np.pi * VIBRATO_HZ * seconds)
    keys = np.array(SCALE[:4], float)[index] + bend
    made = play(tone(keys, envelope(seconds, spans)), "violin")
    cents = _cents(made)
    times = np.arange(len(cents)) * _HOP / ANALYSIS_RATE
    extents, errors = [], []
    for span in spans:
        inside = (times >= span.start + _EDGE_SECONDS) & (times < span.stop - _EDGE_SECONDS)
        errors.append(_errors(cents[inside], 100 * np.interp(times[inside], seconds, keys)))
        extents.append(_extent(times[inside], cents[inside]) / VIBRATO_CENTS)
    return [float(np.median(extents)), float(np.median(np.concatenate(errors)))]


def _slide(play: Player) -> float:
    """The contour's median error over a glide, in cents."""
    seconds = np.arange(round(3.5 * ANALYSIS_RATE)) / ANALYSIS_RATE
    keys = 69 + 4 * np.clip((seconds - 0.75) / 2, 0, 1)
    made = play(tone(keys, envelope(seconds, [Span(0.25, 3.25, 71)])), "violin")
    cents = _cents(made)
    times = np.arange(len(cents)) * _HOP / ANALYSIS_RATE
    inside = (times >= 0.75) & (times < 2.75)
    return float(np.median(_errors(cents[inside], 100 * np.interp(times[inside], seconds, keys))))


def _extent(times: np.ndarray, cents: np.ndarray) -> float:
    """Amplitude of the vibrato in a pitch contour, in cents; 0 where half of it has no pitch."""
    known = np.isfinite(cents)
    known[known] = np.abs(cents[known] - np.median(cents[known])) < 100
    if 2 * known.sum() < len(cents):
        return 0.0
    turn = 2 * np.pi * VIBRATO_HZ * times[known]
    waves = np.stack([np.sin(turn), np.cos(turn), np.ones_like(turn)], axis=1)
    (sine, cosine, _), *_ = np.linalg.lstsq(waves, cents[known], rcond=None)
    return float(np.hypot(sine, cosine))


def _cents(made: SystemOutput) -> np.ndarray:
    """Pitch over time, 100 cents per MIDI number, any transposition taken back."""
    cents: np.ndarray = 6900 + 1200 * np.log2(pitch_contour(made.audio, ANALYSIS_RATE) / 440.0)
    cents -= 100 * made.transpose
    return cents


def _errors(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    errors: np.ndarray = np.minimum(np.nan_to_num(np.abs(found - wanted), nan=1200.0), 1200.0)
    return errors


def _level_db(audio: np.ndarray, start: float, stop: float) -> float:
    part = audio[round(start * ANALYSIS_RATE) : round(stop * ANALYSIS_RATE)].astype(np.float64)
    return max(FLOOR_DB, 10 * float(np.log10(np.mean(part**2) + 1e-12)))


def _slope(wanted: np.ndarray, found: np.ndarray) -> float:
    return float(np.polyfit(wanted, found, 1)[0])
