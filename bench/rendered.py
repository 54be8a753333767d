"""Unseen scores, played by a SoundFont that no part was trained with: the true answer is known, note by note."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.external_transcriber import COLUMNS, ExternalTranscriber
from bench.page import Cell, Section, Table
from stylebox.core.evaluation.metrics.distance import mel_distance_db
from stylebox.core.evaluation.metrics.instrument import instrument_probabilities
from stylebox.core.music.instruments import SHIPPED, instrument
from stylebox.core.music.notes import Note, transpose
from stylebox.core.music.register import octave_shift
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline
from stylebox.core.sources.render.scores import random_score
from stylebox.core.sources.render.soundfont import synthesise
from stylebox.core.store import library

SECONDS = 12.0
SCORES = 8  # of each style
_SEED = 990  # of the scores; training's are 7 and 11


@dataclass(frozen=True)
class Pair:
    """A score as one instrument plays it, and as the style's truly would, in that one's register."""

    style: str
    content: np.ndarray
    target: np.ndarray
    notes: list[Note]  # of the target
    transpose: int  # from content to target


def make_pairs(content_font: Path, target_font: Path, styles: Sequence[str], sample_rate: int) -> list[Pair]:
    """Each style gets `SCORES` scores, each played to it by one of the other instruments that ship."""
    pairs = []
    for number in range(SCORES):
        rng = np.random.default_rng([_SEED, number])
        score = random_score(rng, SECONDS)
        for style in styles:
            others = [name for name in SHIPPED if name != style]
            player, wanted = instrument(others[rng.integers(len(others))]), instrument(style)
            here, there = (octave_shift(score, who.register) for who in (player, wanted))
            target = transpose(score, there)
            pairs.append(
                Pair(
                    style,
                    synthesise(transpose(score, here), content_font, player.programs[0], SECONDS, sample_rate),
                    synthesise(target, target_font, wanted.programs[0], SECONDS, sample_rate),
                    target,
                    there - here,
                )
            )
    return pairs


def rendered(
    pipeline: BasePipeline,
    judge: ExternalTranscriber,
    content_font: Path,
    target_font: Path,
    styles: Sequence[str],
    seed: int,
) -> Section:
    """Ours by name beside the true target."""
    config = pipeline.mel_config
    classifier = library.shipped_classifier()
    strict = min(COLUMNS.values())
    found: list[tuple[str, list[float]]] = []
    for pair in make_pairs(content_font, target_font, styles, pipeline.sample_rate):
        score = [(note.start_seconds, note.end_seconds, note.pitch) for note in pair.notes]
        options = TransferOptions(pair.style, seed=seed, transpose=pair.transpose)
        made = pipeline.transfer(pair.content, options).audio
        figures: list[float] = []
        for audio in (pair.target, made):
            figures.append(float(judge.module.f1(score, judge.module.transcribe(audio), strict)))
        figures += [mel_distance_db(pair.target, audio, config) for audio in (pair.content, made)]
        for audio in (pair.target, made):
            named = instrument_probabilities(classifier, audio, config.sample_rate)
            figures += [named[pair.style], float(max(named, key=named.__getitem__) == pair.style)]
        found.append((pair.style, figures))
    rows: list[list[Cell]] = []
    for who in ("all", *styles):
        means = np.mean([figures for style, figures in found if who in ("all", style)], axis=0).tolist()
        truth, ours, before, after, *instruments = means
        rows.append([who, truth, ours, before, after, after / before, *instruments])
    explanation = (
        f"{SCORES} random scores of {SECONDS:g} s to each style, played by {content_font.name}, which no part of the "
        "model was trained with; the true target is the same score by the style's first program of "
        f"{target_font.name}, one of those it was trained with. F1 is the judge's, of notes against the score, onsets "
        "within 50 ms. Mel: distance to the true target in dB, at one loudness, silence included; the last is the "
        "ratio of the two. Instrument: the classifier's probability of the style, and in what share of outputs it is "
        "named."
    )
    header = [
        "", "F1, true target", "F1, ours", "mel, content", "mel, ours", "ratio",
        "true target: probability", "named", "ours: probability", "named",
    ]  # fmt: skip
    return Section("Rendered scores: the true target is known", [explanation, Table(header, rows)])
