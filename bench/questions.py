"""What the bench asks: each question with its figures, what bounds them, and how they are read. Computes nothing."""

from dataclasses import dataclass

from bench.gather import TRUE
from bench.systems import COPY, OTHER, OUR_RECORDED, RECORDED, TRUE_RECORDED


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        key: In the scores.
        label: On the page.
        ceiling: The system whose mean is what can be reached; None if the figure has none.
        floor: The system whose mean needs no skill; None if there is none.
        ideal: The value to be near to; None if more is better.
        digits: Decimal places.
    """

    key: str
    label: str
    ceiling: str | None = None
    floor: str | None = None
    ideal: float | None = None
    digits: int = 2


@dataclass(frozen=True)
class Question:
    """A table of the page: its title, how to read it, and its figures."""

    title: str
    explanation: str
    figures: tuple[Figure, ...]


NOTE_F1 = Figure("note_f1_100", "note F1, Basic Pitch", RECORDED, OTHER)
OWN_F1 = Figure("own_f1_100", "note F1, our content encoder", OUR_RECORDED, OTHER)
FRAME_F1 = Figure("frame_f1", "frame F1, Basic Pitch", RECORDED, OTHER)
PITCH = Figure("pitch", "pitch within 50 cents, swift-f0", None, OTHER)
VOICING = Figure("voicing", "voicing, swift-f0", None, OTHER)
LOUDNESS = Figure("loudness", "loudness contour", None, OTHER)
ONSETS = Figure("onset_error_ms", "onset error, ms", None, None, 0.0, 0)
TAGGER = Figure("tagger", "tagger's share", TRUE, COPY)
NAMED = Figure("tagger_named", "named by the tagger", TRUE, COPY)
CLASSIFIER = Figure("classifier", "classifier's probability", TRUE, COPY)
FLICKER = Figure("flicker_ratio", "flicker, ratio to true", None, None, 1.0)
RISE = Figure("rise_ratio", "attack rise time, ratio to true", None, None, 1.0)
NOISE = Figure("noisiness_db", "noisiness, dB over true", None, None, 0.0, 1)
BANDWIDTH = Figure("bandwidth_khz", "bandwidth, kHz over true", None, None, 0.0, 1)
TREBLE = Figure("treble_db", "energy above 11 kHz, dB over true", None, None, 0.0, 0)
KNOWN_F1 = Figure("f1_100", "note F1, 100 ms", TRUE_RECORDED)
KNOWN_F1_50 = Figure("f1_50", "note F1, 50 ms", TRUE_RECORDED)

CONTENT = Question(
    "Are the notes of the input in the output?",
    "No score is known here, so the notes of the output are compared with those that the same transcriber finds in the "
    "input. That favours a system that plays the notes of this transcriber: *Basic Pitch + recorded notes* is the "
    "ceiling of Basic Pitch, and *our notes + recorded notes* that of our content encoder. Read the figures of both.",
    (NOTE_F1, OWN_F1, FRAME_F1),
)
EXPRESSION = Question(
    "Pitch, loudness and timing",
    "Pitch is the share of the pitched frames of the input in which the output is within 50 cents; voicing is the "
    "share of frames in which both have a pitch or both have none. Both are for inputs with one voice (winds) only. "
    "Loudness is the correlation of the two contours. The onset error is the median over matched notes.",
    (PITCH, VOICING, LOUDNESS, ONSETS),
)
TIMBRE = Question(
    "Does it sound like the target?",
    "The tagger (musicnn) has not met any part of ours; the classifier is the one of `stylebox evaluate`. The share is "
    "the target's part of the tagger's belief in eight instruments. *Named*: how often that part is the largest. "
    "The classifier was trained on SoundFonts and is less sure of true recordings than of renderings.",
    (TAGGER, NAMED, CLASSIFIER),
)
SOUND = Question(
    "Does it sound like a recording?",
    "Each figure is relative to true recordings of the target that are not in the set; 1 or 0 is best. Flicker is how "
    "much the mel changes from frame to frame, the mean of three bands. The attack is the rise from 10 to 90 % of the "
    "level above 2 kHz. Noisiness is the spectral flatness between 1 and 8 kHz. Bandwidth ends 60 dB below the peak.",
    (FLICKER, RISE, NOISE, BANDWIDTH, TREBLE),
)
QUESTIONS = (CONTENT, EXPRESSION, TIMBRE, SOUND)
