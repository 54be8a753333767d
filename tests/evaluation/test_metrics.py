"""Every metric on sounds with a known value: the same sound, silence, noise, or one property changed."""

from collections.abc import Callable
from itertools import pairwise

import mir_eval
import numpy as np
import pytest
from support.models import PARTIALS, SAMPLE_RATE, melody, tones

from stylebox.core.audio.loudness import loudness_db
from stylebox.core.config import MelConfig
from stylebox.core.evaluation.bootstrap import mean_interval
from stylebox.core.evaluation.envelope import cross_synthesis
from stylebox.core.evaluation.metrics.content import (
    WORST_CENTS,
    chroma_cosine,
    is_monophonic,
    pitch_contour,
    pitch_error_cents,
    transcribe,
)
from stylebox.core.evaluation.metrics.distance import kernel_distance, mel_distance_db
from stylebox.core.evaluation.metrics.instrument import instrument_probabilities, instrument_probability
from stylebox.core.evaluation.metrics.loudness import loudness_correlation
from stylebox.core.evaluation.metrics.timbre import cepstra, timbre_distance
from stylebox.core.models.classifier import OTHER, Classifier
from stylebox.core.music.note_matching import note_f1, onset_f1
from stylebox.core.music.notes import Note, key_hz, transpose
from stylebox.core.store import library

MEL = MelConfig()
SECONDS = 5.0
NOTES = melody(1, SECONDS)
REED, STRING = (tones(NOTES, SECONDS, PARTIALS[name]) for name in ("reed", "string"))
SEMITONE_UP = tones(transpose(NOTES, 1), SECONDS, PARTIALS["reed"])
OTHER_MUSIC = tones(melody(2, SECONDS), SECONDS, PARTIALS["reed"])
SILENCE = np.zeros_like(REED)
NOISE = (0.1 * np.random.default_rng(0).standard_normal(len(REED))).astype(np.float32)

Figure = Callable[[np.ndarray], float]
FIGURES: dict[str, tuple[Figure, bool]] = {  # of an answer to REED; whether more is better
    "chroma": (lambda audio: chroma_cosine(REED, audio, SAMPLE_RATE), True),
    "pitch": (lambda audio: pitch_error_cents(REED, audio, SAMPLE_RATE, NOTES), False),
    "loudness": (lambda audio: loudness_correlation(REED, audio, SAMPLE_RATE), True),
    "timbre": (lambda audio: timbre_distance([REED], audio, MEL), False),
    "kernel": (lambda audio: kernel_distance([REED], audio, MEL), False),
    "mel": (lambda audio: mel_distance_db(REED, audio, MEL), False),
}


@pytest.mark.parametrize("name", FIGURES)
def test_identity_is_best_and_silence_and_noise_are_worst(name: str) -> None:
    figure, more = FIGURES[name]
    sign = 1 if more else -1
    same, string, silence, noise = (sign * figure(audio) for audio in (REED, STRING, SILENCE, NOISE))
    assert same >= string > max(silence, noise)
    if name != "kernel":  # unbiased, so the same sound may give less than 0
        assert sign * same == pytest.approx(float(more), abs=1e-4)


def test_silence_has_the_figures_of_the_documentation() -> None:
    known = {name: figure(SILENCE) for name, (figure, _) in FIGURES.items()}
    assert (known["chroma"], known["pitch"], known["loudness"], known["timbre"]) == (0.0, WORST_CENTS, 0.0, 1.0)
    assert chroma_cosine(SILENCE, SILENCE, SAMPLE_RATE) == 1.0
    assert np.isnan(loudness_correlation(SILENCE, REED, SAMPLE_RATE))
    assert np.isnan(timbre_distance([SILENCE], REED, MEL))
    assert np.isnan(kernel_distance([], REED, MEL))


def test_a_semitone_moves_pitch_and_not_timbre() -> None:
    assert pitch_error_cents(REED, SEMITONE_UP, SAMPLE_RATE, NOTES) == pytest.approx(100, abs=2)
    assert pitch_error_cents(REED, SEMITONE_UP, SAMPLE_RATE, NOTES, 1) < 2
    assert chroma_cosine(REED, SEMITONE_UP, SAMPLE_RATE) < 0.5 < 0.98 < chroma_cosine(REED, SEMITONE_UP, SAMPLE_RATE, 1)
    assert timbre_distance([REED], SEMITONE_UP, MEL) < 0.5 * timbre_distance([REED], STRING, MEL)
    assert kernel_distance([REED], SEMITONE_UP, MEL) < 0.5 * kernel_distance([REED], STRING, MEL)


def test_another_instrument_moves_timbre_and_not_pitch() -> None:
    assert pitch_error_cents(REED, STRING, SAMPLE_RATE, NOTES) < 5
    assert chroma_cosine(REED, STRING, SAMPLE_RATE) > 0.9 > 0.5 > chroma_cosine(REED, OTHER_MUSIC, SAMPLE_RATE)
    assert loudness_correlation(REED, STRING, SAMPLE_RATE) > 0.95
    for figure in (timbre_distance, kernel_distance):
        assert figure([STRING], STRING, MEL) < figure([STRING], REED, MEL)


def test_rendered_scores_rank_the_same() -> None:
    """Sounds that were not made for these tests: a SoundFont's clarinet and violin."""
    from stylebox.core.sources.render.soundfont import find_soundfonts, synthesise

    if not find_soundfonts():
        pytest.skip("no SoundFont here (apt install fluid-soundfont-gm)")
    font = find_soundfonts()[0]

    def play(score: int, program: int, semitones: int = 0) -> np.ndarray:
        return synthesise(transpose(melody(score, SECONDS), semitones), font, program, SECONDS)

    clarinet, violin, up = play(1, 71), play(1, 40), play(1, 71, 1)
    references = [play(score, 71) for score in (3, 4, 5)]
    for figure in (timbre_distance, kernel_distance):
        assert figure(references, clarinet, MEL) < figure(references, violin, MEL)
        assert figure(references, up, MEL) < figure(references, violin, MEL)
    assert pitch_error_cents(clarinet, violin, SAMPLE_RATE, NOTES) < 30
    assert pitch_error_cents(clarinet, up, SAMPLE_RATE, NOTES) == pytest.approx(100, abs=10)
    assert chroma_cosine(clarinet, violin, SAMPLE_RATE) > chroma_cosine(clarinet, up, SAMPLE_RATE)


def test_rendered_content_ranks_above_its_notes_shuffled() -> None:
    """The same notes in another order: the style stays, the content does not."""
    from stylebox.core.sources.render.soundfont import find_soundfonts, synthesise

    if not find_soundfonts():
        pytest.skip("no SoundFont here (apt install fluid-soundfont-gm)")
    pitches = np.roll([note.pitch for note in NOTES], len(NOTES) // 2)
    shuffled = [note._replace(pitch=int(pitch)) for note, pitch in zip(NOTES, pitches, strict=True)]
    later = [n._replace(start_seconds=n.start_seconds + 0.2, end_seconds=n.end_seconds + 0.2) for n in NOTES]
    piano, flute, other, late = (
        synthesise(notes, find_soundfonts()[0], program, SECONDS)
        for notes, program in ((NOTES, 0), (NOTES, 73), (shuffled, 73), (later, 73))
    )
    encoder = library.load_content_encoder("base")
    true_notes, other_notes, late_notes = (
        transcribe(encoder, audio, MEL.sample_rate) for audio in (flute, other, late)
    )
    assert note_f1(NOTES, true_notes) > 0.7 > 0.4 > note_f1(NOTES, other_notes)
    assert onset_f1(NOTES, true_notes) > 0.7 > 0.4 > onset_f1(NOTES, late_notes)
    assert chroma_cosine(piano, flute, SAMPLE_RATE) > chroma_cosine(piano, other, SAMPLE_RATE) + 0.3
    assert pitch_error_cents(piano, flute, SAMPLE_RATE, NOTES) < pitch_error_cents(piano, other, SAMPLE_RATE, NOTES)
    assert mel_distance_db(flute, flute, MEL) < mel_distance_db(flute, other, MEL)
    assert loudness_correlation(flute, flute, SAMPLE_RATE) > loudness_correlation(flute, late, SAMPLE_RATE)


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return library.shipped_classifier()


def test_the_classifier_names_sounds_it_was_not_trained_on(classifier: Classifier) -> None:
    """A SoundFont that the classifier was not trained on."""
    from stylebox.core.sources.render.soundfont import find_soundfonts, synthesise

    fonts = [font for font in find_soundfonts() if "FluidR3" in font.name]
    if not fonts:
        pytest.skip("no FluidR3 here (apt install fluid-soundfont-gm)")
    programs = {"piano": 0, "violin": 40, "trumpet": 56, "flute": 73}
    played = {name: synthesise(transpose(NOTES, 7), fonts[0], program, SECONDS) for name, program in programs.items()}
    for name in programs:
        true = instrument_probability(classifier, played[name], name, MEL.sample_rate)
        others = [
            instrument_probability(classifier, played[other], name, MEL.sample_rate)
            for other in programs
            if other != name
        ]
        assert true > max(others)


def test_the_classifier_is_sure_of_nothing_it_cannot_know(classifier: Classifier) -> None:
    assert set(instrument_probabilities(classifier, SILENCE, MEL.sample_rate).values()) == {0.0}
    noise = instrument_probabilities(classifier, NOISE, MEL.sample_rate)
    assert sum(noise.values()) == pytest.approx(1, abs=1e-4)
    assert max(probability for name, probability in noise.items() if name != OTHER) < 0.8
    assert np.isnan(instrument_probability(classifier, REED, "kazoo", MEL.sample_rate))
    assert np.isnan(instrument_probability(classifier, REED, OTHER, MEL.sample_rate))
    quiet = instrument_probabilities(classifier, REED * np.float32(0.1), MEL.sample_rate)
    assert quiet == pytest.approx(instrument_probabilities(classifier, REED, MEL.sample_rate), abs=0.02)
    padded = instrument_probabilities(classifier, np.concatenate([REED, SILENCE]), MEL.sample_rate)
    assert padded == pytest.approx(instrument_probabilities(classifier, REED, MEL.sample_rate), abs=0.3)


def test_level_changes_no_figure_but_time_does() -> None:
    for name in ("chroma", "loudness", "timbre", "mel"):
        figure, _ = FIGURES[name]
        assert figure(0.1 * REED) == pytest.approx(figure(REED), abs=0.02), name
    backwards = REED[::-1].copy()
    assert chroma_cosine(REED, backwards, SAMPLE_RATE) < 0.6
    fading = REED * np.linspace(1, 0.03, len(REED), dtype=np.float32)
    assert loudness_correlation(REED, fading, SAMPLE_RATE) < loudness_correlation(REED, 0.5 * REED, SAMPLE_RATE)


@pytest.mark.parametrize("hz", [65.4, 220.0, 1760.0])
def test_pitch_is_found_to_a_cent_and_vibrato_is_followed(hz: float) -> None:
    t = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = 0.2 * np.sin(2 * np.pi * hz * t)
    found = pitch_contour(tone, SAMPLE_RATE)[8:-8]
    assert np.abs(1200 * np.log2(found / hz)).max() < (2 if hz < 1000 else 8)
    deep = 0.2 * np.sin(2 * np.pi * hz * t + hz * 0.03 / 5 * np.sin(2 * np.pi * 5 * t))  # 3 %, 51 cents, 5 a second
    assert np.ptp(1200 * np.log2(pitch_contour(deep, SAMPLE_RATE)[8:-8] / hz)) == pytest.approx(102, abs=12)


def test_pitch_error_sees_vibrato_that_is_lost() -> None:
    t = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    plain = 0.2 * np.sin(2 * np.pi * 440 * t)
    deep = 0.2 * np.sin(2 * np.pi * 440 * t + 440 * 0.02 / 5 * np.sin(2 * np.pi * 5 * t))
    held = [Note(0.0, 2.0, 69)]
    assert pitch_error_cents(deep, plain, SAMPLE_RATE, held) > 15 > 1 > pitch_error_cents(deep, deep, SAMPLE_RATE, held)


def test_pitch_error_is_for_one_voice_only() -> None:
    chord = [Note(0.0, 1.0, 60), Note(0.0, 1.0, 64)]
    assert not is_monophonic(chord)
    assert not is_monophonic([])
    assert is_monophonic([Note(0.0, 1.0, 60), Note(1.0, 2.0, 64), Note(1.98, 3.0, 65)])
    assert np.isnan(pitch_error_cents(REED, REED, SAMPLE_RATE, chord))


def test_note_f1_is_mir_evals_own() -> None:
    """Random scores, notes missing, shifted and wrong: the same number as its own evaluation gives."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        spans = np.sort(rng.uniform(0, 4, (12, 2)), axis=1) + np.array([0, 0.02])
        reference = [
            Note(float(a), float(b), int(p)) for (a, b), p in zip(spans, rng.integers(55, 60, 12), strict=True)
        ]
        found = [
            n._replace(
                start_seconds=max(0.0, n.start_seconds + rng.normal(0, 0.04)), pitch=n.pitch + int(rng.integers(2))
            )
            for n in reference[:9]
        ]
        found = [n._replace(end_seconds=max(n.end_seconds, n.start_seconds + 0.05)) for n in found]
        own = mir_eval.transcription.evaluate(*as_arrays(reference), *as_arrays(found))
        assert note_f1(reference, found) == pytest.approx(own["F-measure_no_offset"], abs=1e-12)


def test_note_f1_by_hand() -> None:
    reference = [Note(0.0, 0.5, 60), Note(1.0, 1.5, 62), Note(2.0, 2.5, 64), Note(3.0, 3.5, 65)]
    assert note_f1(reference, reference) == onset_f1(reference, reference) == 1.0
    assert note_f1(reference, []) == note_f1([], reference) == onset_f1(reference, []) == 0.0
    assert note_f1([], []) == 1.0
    late = [n._replace(start_seconds=n.start_seconds + 0.06) for n in reference]
    assert note_f1(reference, late) == onset_f1(reference, late) == 0.0
    wrong = transpose(reference[:2], 1) + reference[2:]
    assert note_f1(reference, wrong) == 0.5
    assert onset_f1(reference, wrong) == 1.0
    assert note_f1(reference, reference[:2]) == pytest.approx(2 / 3)
    shuffled = [n._replace(pitch=p) for n, p in zip(reference, (65, 64, 62, 60), strict=True)]
    assert note_f1(reference, shuffled) < note_f1(reference, wrong)
    assert onset_f1([Note(0.0, 1.0, 60), Note(0.004, 1.0, 64)], [Note(0.0, 1.0, 60)]) == 1.0


def as_arrays(notes: list[Note]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([n[:2] for n in notes]), key_hz(np.array([n.pitch for n in notes]))


def test_cepstra_are_librosas() -> None:
    import librosa

    from stylebox.core.audio.loudness import normalise_loudness

    levelled, _ = normalise_loudness(REED, SAMPLE_RATE)
    power = librosa.feature.melspectrogram(y=levelled, sr=SAMPLE_RATE, n_fft=2048, hop_length=512, n_mels=128)
    db = np.clip(10 * np.log10(np.maximum(power, 1e-10)), MEL.floor_db, MEL.ceiling_db)
    wanted = librosa.feature.mfcc(S=db, n_mfcc=13)[1:].mean(axis=1)
    loud = tones([Note(0.0, SECONDS, 60)], SECONDS, PARTIALS["reed"])
    assert len(cepstra(loud, MEL)) <= 1 + len(loud) // 512
    found = cepstra(REED, MEL).mean(axis=0)
    assert np.corrcoef(wanted, found)[0, 1] > 0.99  # rests left out here, not there


def test_the_interval_holds_the_mean_and_repeats_by_seed() -> None:
    values = [*np.random.default_rng(0).normal(5.0, 1.0, 40), float("nan")]
    interval = mean_interval(values, seed=1)
    assert interval is not None
    assert interval == mean_interval(values, seed=1) != mean_interval(values, seed=2)
    assert interval.count == 40
    assert interval.low < interval.mean < interval.high
    assert interval.high - interval.low == pytest.approx(2 * 1.96 / np.sqrt(40), rel=0.3)
    assert mean_interval([float("nan")]) is None
    alone = mean_interval([2.0])
    assert alone is not None
    assert (alone.mean, alone.low, alone.high, alone.margin) == (2.0, 2.0, 2.0, 0.0)


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.exponential(1.0, 30).tolist(), seed=i) for i in range(150)]
    covered = np.mean([i is not None and i.low <= 1.0 <= i.high for i in intervals])
    assert 0.85 < covered <= 0.99


def test_the_envelope_takes_the_colour_and_leaves_the_notes() -> None:
    made = cross_synthesis(REED, STRING)
    assert len(made) == len(REED)
    assert loudness_db(made, SAMPLE_RATE) == pytest.approx(loudness_db(REED, SAMPLE_RATE), abs=0.1)
    assert pitch_error_cents(REED, made, SAMPLE_RATE, NOTES) < 2
    assert timbre_distance([STRING], made, MEL) < 0.5 * timbre_distance([STRING], REED, MEL)
    assert not cross_synthesis(SILENCE, STRING).any()


def test_mel_distance_grows_with_what_is_added() -> None:
    distances = [mel_distance_db(REED, REED + share * NOISE, MEL) for share in (0.0, 0.001, 0.01, 0.1)]
    assert all(a < b for a, b in pairwise(distances))
