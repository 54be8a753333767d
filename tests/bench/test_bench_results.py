"""The arithmetic of the bench on figures, notes and embeddings whose answers are known."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench import basic_pitch, comparisons, excerpts, questions, store, tables
from bench.embedding import KernelDistance, Windows, window_pitches
from bench.scores import Score, Scores
from bench.systems import RECORDED, SHIPPED, SOUNDFONT

RATE = 44100


def test_frames_of_basic_pitch_keep_time_over_minutes() -> None:
    """A window begins every 36164 samples; counted at 86 frames a second, a minute would be 0.4 s too long."""
    assert basic_pitch.frame_seconds(142 * 60) == pytest.approx(60 * 36164 / 22050)
    steps = np.diff([basic_pitch.frame_seconds(i) for i in range(1000)])
    assert steps.min() > 0.003
    assert steps.max() == pytest.approx(256 / 22050)


def test_notes_that_were_moved_are_found_when_the_move_is_undone() -> None:
    notes = [(0.0, 0.5, 60.0), (0.5, 1.0, 64.0)]
    moved = [(start, stop, key + 12) for start, stop, key in notes]
    assert comparisons.note_f1(notes, moved, 0.05) == 0
    assert comparisons.note_f1([(a, b, k + 12) for a, b, k in notes], moved, 0.05) == 1
    assert comparisons.note_f1([], [], 0.05) == 1
    assert comparisons.note_f1(notes, [], 0.05) == 0


def test_onset_errors_have_a_sign() -> None:
    notes = [(0.2, 0.5, 60.0), (0.7, 1.0, 64.0), (1.2, 1.4, 62.0)]
    late = [(start + 0.03, stop, key) for start, stop, key in notes[:2]]
    assert comparisons.onset_errors_ms(notes, late) == pytest.approx([30, 30])


def test_frame_f1_follows_the_keys_and_drops_those_that_leave_the_keyboard() -> None:
    wanted = np.zeros((10, 88), bool)
    wanted[:, [3, 40]] = True
    found = np.zeros((12, 88), bool)
    found[:, 28] = True
    assert comparisons.frame_f1(wanted, wanted, 0) == 1
    assert comparisons.frame_f1(wanted, found, -12) == 1  # the low key is gone on both sides
    assert comparisons.frame_f1(wanted, found, 0) == 0


def test_pitch_is_compared_where_the_input_has_one() -> None:
    wanted = np.array([0.0, 440.0, 440.0, 440.0])
    octave = np.array([0.0, 880.0, 880.0 * 2 ** (0.6 / 12), 0.0])
    within, voicing = comparisons.pitch_scores(wanted, octave, 12)
    assert within == pytest.approx(1 / 3)
    assert voicing == pytest.approx(3 / 4)
    assert np.isnan(comparisons.pitch_scores(np.zeros(4), octave, 0)[0])


def windows(centre: float, pitch: float, seed: int, recordings: int = 6) -> Windows:
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(recordings), 4)
    return Windows(rng.normal(centre, 1, (len(owner), 10)), np.full(len(owner), float(pitch)), owner)


def test_kernel_distance_is_about_zero_within_a_kind_and_grows_with_the_difference() -> None:
    same, near, far = (
        KernelDistance(windows(0, 60, 0), windows(c, 62, s)).value() for c, s in ((0, 1), (1, 2), (3, 3))
    )
    assert abs(same) < 3
    assert same < near < far
    assert far <= 200


def test_kernel_distance_compares_only_registers_that_meet() -> None:
    assert not KernelDistance(windows(0, 40, 0), windows(0, 80, 1)).known
    assert np.isnan(KernelDistance(windows(0, 40, 0), windows(0, 80, 1)).value())
    low, high = windows(0, 60, 1), windows(9, 90, 2)
    layer, pitch = (np.concatenate(pair) for pair in ((low.layer, high.layer), (low.pitch, high.pitch)))
    both = Windows(layer, pitch, np.arange(len(layer)) // 4)
    assert abs(KernelDistance(windows(0, 60, 0), both).value()) < 3


def test_window_pitches_are_mean_keys() -> None:
    active = np.zeros((40, 88), bool)
    active[:20, 60 - 21] = active[20:30, 72 - 21] = True
    found = window_pitches(active, 10.0, 3, 1.0, 2.0)
    assert found[:2] == pytest.approx([60, 66])
    assert found[2] == pytest.approx(72)
    assert np.isnan(window_pitches(np.zeros((20, 88), bool), 10.0, 1, 1.0, 2.0)[0])


def scores(values: dict[tuple[str, str, str], float]) -> Scores:
    rows = [Score("test", s, r, t, {"tagger": v, "f": v}) for (s, r, t), v in values.items()]
    return Scores(rows)


def test_the_unit_is_the_recording_not_the_output() -> None:
    found = scores(
        {("a", "x", "piano"): 0.0, ("a", "x", "harp"): 0.0, ("a", "x", "flute"): 0.0, ("a", "y", "harp"): 1.0}
    )
    interval = found.interval("test", "a", "f")
    assert interval is not None
    assert (interval.mean, interval.count) == (0.5, 2)
    harp = found.interval("test", "a", "f", "harp")
    assert harp is not None
    assert harp.mean == 0.5
    assert found.interval("test", "b", "f") is None


def test_a_system_that_copies_the_input_does_not_win() -> None:
    found = scores(
        {(SHIPPED, "x", "piano"): 0.6, (SOUNDFONT, "x", "piano"): 0.7, ("spectral envelope", "x", "piano"): 0.2}
    )
    assert tables.eligible(found, "test") == [SHIPPED, SOUNDFONT]
    figure = questions.Figure("f", "a figure")
    assert tables.winner(found, "test", figure, [SHIPPED, SOUNDFONT]) == SOUNDFONT
    near = questions.Figure("f", "a ratio", ideal=0.5)
    assert tables.winner(found, "test", near, [SHIPPED, SOUNDFONT]) == SHIPPED
    (loss,) = tables.losses(found, "test", [figure], [SOUNDFONT, RECORDED])
    assert loss == ("a figure, test: ours 0.60, Basic Pitch + SoundFont 0.70", True)


def test_cells_show_interval_share_and_winner() -> None:
    interval = scores({("a", "x", "piano"): 0.4, ("a", "y", "piano"): 0.6}).interval("test", "a", "f")
    assert tables.shown(interval, questions.Figure("f", ""), 0.8, True) == "**0.50** ± 0.10 (62 %)"
    assert tables.shown(None, questions.Figure("f", "")) == "-"


def test_a_table_shows_what_is_missing_as_a_dash() -> None:
    table = importlib.import_module("bench.page").Table(
        ["", "F1"], [["ours", 0.756], ["theirs", float("nan")], ["c", None]]
    )
    assert table.lines() == ["|  | F1 |", "| --- | ---: |", "| ours | 0.76 |", "| theirs | - |", "| c | - |"]


def test_an_answer_is_kept_by_contents_not_by_name(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"same")
    second.write_bytes(b"same")
    kept, calls = store.Store(tmp_path / "answers"), []

    def answer() -> int:
        calls.append(1)
        return len(calls)

    assert kept.kept("q", store.digest(first), answer) == 1
    assert kept.kept("q", store.digest(second), answer) == 1
    assert kept.kept("q", store.digest(first, "another question"), answer) == 2


def test_pairs_leave_out_the_own_instrument_and_are_drawn_evenly(tmp_path: Path) -> None:
    for name in ("acoustic_guitar", "flute", "cello"):
        (tmp_path / "set" / name).mkdir(parents=True)
        soundfile.write(tmp_path / "set" / name / f"{name}.wav", np.full(8 * RATE, 0.1), RATE)
    found = excerpts.recordings("dev", [tmp_path / "set"])
    inputs = [excerpts.cut(recording, tmp_path / "cut", 0.0, 6.0) for recording in found]
    assert [given.instrument for given in inputs] == ["guitar", "cello", "flute"]
    assert all(soundfile.info(given.path).frames == 6 * RATE for given in inputs)
    pairs = excerpts.make_pairs(inputs)
    assert len(pairs) == 3 * len(excerpts.TARGETS) - 3
    assert all(given.instrument != target for given, target in pairs)
    few = excerpts.make_pairs(inputs, 6)
    assert few == excerpts.make_pairs(inputs, 6)
    assert len({target for _, target in few}) >= 4
    moved, _ = excerpts.read(excerpts.later(inputs[0], tmp_path).path)
    assert not moved[: round(0.004 * RATE)].any()
    assert moved[round(0.006 * RATE) :].all()
