"""Random scores are playable, varied and repeatable."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from stylebox.core.errors import SourceError
from stylebox.core.music.instruments import instrument
from stylebox.core.music.midi.write import write_midi
from stylebox.core.music.notes import Note
from stylebox.core.sources.render.scores import midi_scores, one_at_a_time, pedalled, random_score

SECONDS = 12.0


@pytest.fixture(scope="module")
def pieces() -> list[list[Note]]:
    return [random_score(np.random.default_rng([1, i]), SECONDS) for i in range(150)]


def mean_voices(notes: list[Note]) -> float:
    """The mean number of keys that are down, over the times when there is one."""
    times = np.arange(0, SECONDS, 0.02)[:, None]
    starts, ends = np.array([n[:2] for n in notes]).T
    down = ((times >= starts) & (times < ends)).sum(axis=1)
    return float(down[down > 0].mean())


def test_every_piece_fits_the_keys_and_the_time(pieces: list[list[Note]]) -> None:
    for notes in pieces:
        assert notes == sorted(notes)
        for note in notes:
            assert 28 <= note.pitch <= 103
            assert 0 <= note.start_seconds < note.end_seconds <= SECONDS
            assert 0 < note.velocity <= 1


def test_no_key_is_struck_while_it_is_down(pieces: list[list[Note]]) -> None:
    for notes in pieces:
        up: dict[int, float] = {}
        for note in notes:
            assert note.start_seconds >= up.get(note.pitch, 0.0)
            up[note.pitch] = note.end_seconds


def test_one_and_several_voices_are_both_common(pieces: list[list[Note]]) -> None:
    single = np.mean([mean_voices(notes) < 1.15 for notes in pieces])
    assert 0.3 < single < 0.7
    assert np.mean([mean_voices(notes) > 2 for notes in pieces]) > 0.2


def test_fast_repeats_long_notes_rests_and_dynamics_occur(pieces: list[list[Note]]) -> None:
    def share(happens: list[bool]) -> float:
        return float(np.mean(happens))

    def repeats(notes: list[Note], within_seconds: float) -> bool:
        pairs = itertools.pairwise(notes)
        return any(a.pitch == b.pitch and b.start_seconds - a.start_seconds < within_seconds for a, b in pairs)

    def longest_silence(notes: list[Note]) -> float:
        ends = np.maximum.accumulate([0.0] + [n.end_seconds for n in notes])
        return float(np.max(np.array([n.start_seconds for n in notes]) - ends[:-1]))

    assert share([repeats(notes, 0.2) for notes in pieces]) > 0.02
    assert share([repeats(notes, 1.0) for notes in pieces]) > 0.1
    assert share([max(n.end_seconds - n.start_seconds for n in notes) > 2 for notes in pieces]) > 0.1
    assert share([min(n.end_seconds - n.start_seconds for n in notes) < 0.12 for notes in pieces]) > 0.2
    assert share([longest_silence(notes) > 1 for notes in pieces]) > 0.1
    assert share([np.ptp([n.velocity for n in notes]) > 0.3 for notes in pieces]) > 0.2
    pitches = [n.pitch for notes in pieces for n in notes]
    assert np.percentile(pitches, 5) < 48
    assert np.percentile(pitches, 95) > 78
    assert len({n.pitch % 12 for notes in pieces for n in notes}) == 12


def test_a_piece_depends_only_on_its_generator() -> None:
    same = [random_score(np.random.default_rng(5), 6.0) for _ in range(2)]
    assert same[0] == same[1]
    assert same[0] != random_score(np.random.default_rng(6), 6.0)


@pytest.mark.parametrize("seconds", [1.0, 3.0, 40.0])
def test_any_length_has_notes_in_it(seconds: float) -> None:
    for seed in range(20):
        notes = random_score(np.random.default_rng(seed), seconds)
        assert notes
        assert max(n.end_seconds for n in notes) <= seconds


def test_a_key_struck_again_ends_the_earlier_note() -> None:
    notes = [Note(0.0, 1.0, 60), Note(0.5, 1.5, 60), Note(0.51, 2.0, 60), Note(0.2, 0.9, 64)]
    assert one_at_a_time(notes) == [Note(0.0, 0.51, 60), Note(0.2, 0.9, 64), Note(0.51, 2.0, 60)]


def test_a_pedal_holds_notes_until_it_is_lifted_or_their_key_struck(pieces: list[list[Note]]) -> None:
    def by_start_and_pitch(notes: list[Note]) -> list[Note]:
        return sorted(notes, key=lambda n: (n.start_seconds, n.pitch))

    for seed, piece in enumerate(pieces[:40]):
        notes = by_start_and_pitch(piece)
        held = by_start_and_pitch(pedalled(np.random.default_rng(seed), piece, SECONDS))
        assert [(n.start_seconds, n.pitch) for n in held] == [(n.start_seconds, n.pitch) for n in notes]
        assert all(a.end_seconds >= b.end_seconds for a, b in zip(held, notes, strict=True))
        assert held == by_start_and_pitch(one_at_a_time(held))
        struck = {(n.start_seconds, n.pitch) for n in notes}
        lifted = sorted({n.end_seconds for n in held if (n.end_seconds, n.pitch) not in struck})
        assert lifted[-1] <= SECONDS
        assert all(b - a >= 1.0 - 1e-9 for a, b in itertools.pairwise(lifted[:-1]))


def test_a_midi_folder_is_cut_into_pieces(tmp_path: Path) -> None:
    write_midi(tmp_path / "deep" / "tune.mid", [Note(i * 0.5, i * 0.5 + 0.4, 60 + i % 12) for i in range(24)])
    write_midi(tmp_path / "bare.mid", [Note(0.0, 1.0, 60)])
    (tmp_path / "broken.mid").write_bytes(b"not midi")
    write_midi(tmp_path / "empty.mid", [])
    found, unread, remarks = midi_scores(tmp_path, 6.0)
    names, pieces = zip(*found, strict=True)
    assert len(unread) == 1
    assert "broken.mid" in unread[0]
    assert names == ("deep_tune-000", "deep_tune-001")
    assert [len(notes) for notes in pieces] == [12, 12]
    assert len(remarks) == 2
    assert remarks[1] == f"{tmp_path / 'empty.mid'}: has no notes"
    assert remarks[0].endswith("bare.mid: 1 of 1 notes left out: too short, or in a piece of a few notes")
    assert pieces[1][0].start_seconds == pytest.approx(0.0, abs=1e-3)


def test_a_single_midi_file_is_a_score_and_equal_names_are_kept_apart(tmp_path: Path) -> None:
    for name in ("tune.mid", "tune.MIDI"):
        write_midi(tmp_path / name, [Note(i * 0.5, i * 0.5 + 0.4, 60 + i) for i in range(8)])
    assert [name for name, _ in midi_scores(tmp_path / "tune.MIDI", 6.0).pieces] == ["tune-000"]
    assert [name for name, _ in midi_scores(tmp_path, 6.0).pieces] == ["tune-000", "tune_mid-000"]


def test_a_folder_without_music_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no MIDI file"):
        midi_scores(tmp_path, 6.0)
    write_midi(tmp_path / "bare.mid", [Note(0.0, 1.0, 60)])
    with pytest.raises(SourceError, match="no piece of at least 4 notes in it"):
        midi_scores(tmp_path, 6.0)
    (tmp_path / "broken.mid").write_bytes(b"not midi")
    with pytest.raises(SourceError, match=r"broken\.mid"):
        midi_scores(tmp_path, 6.0)


def test_an_unknown_instrument_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SourceError, match="violin"):
        instrument("violinn")
