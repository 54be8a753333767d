"""Registers: the octave that music moves to, what a recording shows, how sounds with few keys narrow it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylebox.core.music.instruments import INSTRUMENTS
from stylebox.core.music.notes import Note
from stylebox.core.music.register import Register, blend, key_name, octave_shift

E4_TO_C5 = (64, 65, 67, 69, 71, 72)
BACH_FOR_VIOLIN = (62, 66, 69, 74, 76, 78, 81, 83)


def tune(*pitches: int, seconds: float = 1.0) -> list[Note]:
    """One note after another, all of the same length."""
    return [Note(at * seconds, (at + 1) * seconds, pitch) for at, pitch in enumerate(pitches)]


def shift_to(name: str, notes: list[Note]) -> int:
    return octave_shift(notes, INSTRUMENTS[name].register)


def test_a_guitars_middle_notes_move_up_for_a_flute() -> None:
    assert shift_to("flute", tune(*E4_TO_C5)) == 12
    assert shift_to("flute", tune(40, 45, 52, 55, 59, 64)) == 24  # a chord over all six strings


def test_a_pianos_tune_stays_for_a_violin_and_its_bass_moves() -> None:
    assert shift_to("violin", tune(60, 64, 67, 72)) == 0
    assert shift_to("violin", tune(48, 52, 55, 60)) == 12


def test_a_cellos_tune_moves_up_two_octaves_for_a_flute() -> None:
    assert shift_to("flute", tune(43, 50, 55, 57, 62)) == 24


def test_a_violins_tune_moves_down_for_deeper_strings_only() -> None:
    moves = {name: shift_to(name, tune(*BACH_FOR_VIOLIN)) for name in ("piano", "guitar", "cello", "contrabass")}
    assert moves == {"piano": 0, "guitar": 0, "cello": -12, "contrabass": -24}


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_music_in_the_usual_register_stays(name: str) -> None:
    player = INSTRUMENTS[name]
    assert shift_to(name, tune(*range(player.usual_low, player.usual_high + 1))) == 0


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_one_note_from_anywhere_comes_into_the_usual_register(name: str) -> None:
    player = INSTRUMENTS[name]
    for pitch in range(21, 109):
        assert player.usual_low <= pitch + shift_to(name, tune(pitch)) <= player.usual_high


def test_music_wholly_out_of_range_comes_home() -> None:
    register = Register(60, 84, 65, 79)
    assert octave_shift(tune(21, 24, 28), register) == 48
    assert octave_shift(tune(105, 108), register) == -36


def test_without_notes_or_register_nothing_moves() -> None:
    assert octave_shift([], INSTRUMENTS["flute"].register) == 0
    assert octave_shift(tune(30), None) == 0


def test_a_long_note_weighs_more_than_many_short_ones() -> None:
    """Sixteen grace notes low, one long note high: by count the music lies low, by sounding time high."""
    register = Register(60, 96, 70, 92)
    grace = tune(*[62] * 16, seconds=0.05)
    assert octave_shift(grace, register) == 12
    assert octave_shift([*grace, Note(1.0, 5.0, 80)], register) == 0


def test_few_notes_beyond_the_range_do_not_move_the_rest() -> None:
    register = Register(60, 84, 65, 79)
    assert octave_shift(tune(50, *[70] * 9), register) == 0


def test_of_equals_the_smallest_move_wins_and_then_the_one_up() -> None:
    assert octave_shift(tune(56), Register(60, 96, 66, 90)) == 12  # two octaves up would do as well
    either_way = [Note(0, 2, 48), Note(2, 2.1, 66), Note(3, 5, 84)]  # as much in range an octave up as an octave down
    assert octave_shift(either_way, Register(60, 72, 60, 72)) == 12


@given(
    notes=st.lists(st.tuples(st.integers(21, 108), st.integers(1, 6)), min_size=1, max_size=12),
    name=st.sampled_from(sorted(INSTRUMENTS)),
)
def test_no_other_octave_is_cheaper(notes: list[tuple[int, int]], name: str) -> None:
    """The rule once more, on music cut into equal seconds."""
    register = INSTRUMENTS[name].register
    seconds = np.sort(np.repeat(*np.array(notes).T))

    def cost(shift: int) -> float:
        outside = np.mean((seconds + shift < register.low) | (seconds + shift > register.high))
        centre = seconds[(len(seconds) - 1) // 2] + shift
        return float(3 * outside + abs(centre - np.clip(centre, register.usual_low, register.usual_high)) / 6)

    shift = octave_shift([Note(0.0, float(length), pitch) for pitch, length in notes], register)
    costs = {12 * octaves: cost(12 * octaves) for octaves in range(-8, 9)}
    cheapest = [other for other, its in costs.items() if its <= min(costs.values()) + 1e-6]
    assert shift == min(cheapest, key=lambda other: (abs(other), -other))


def test_what_a_clip_plays_is_widened_and_slips_of_the_transcriber_do_not_count() -> None:
    assert Register.of_notes(tune(62, 64, 65)) is None
    clip = tune(*[62, 64, 65, 67, 69, 71, 72] * 20)
    register = Register.of_notes(clip)
    assert register == Register(55, 79, 62, 73)
    assert Register.of_notes([*clip, Note(0.0, 0.05, 96)]) == register
    wide = Register.of_notes(tune(*range(50, 90)))
    assert wide == Register(50, 89, 50, 89)


def test_a_blend_lies_between() -> None:
    flute, cello = INSTRUMENTS["flute"].register, INSTRUMENTS["cello"].register
    assert blend([(flute, 0.5), (cello, 0.5)]) == Register(48, 88, 56, 80)
    assert blend([(flute, 1.0), (cello, 0.0)]) == flute
    assert blend([(flute, 0.5), (None, 0.5)]) is None


def test_a_sample_folder_with_few_keys_narrows_the_register() -> None:
    violin = INSTRUMENTS["violin"].register
    assert violin.within(50, 90) == Register(55, 90, 62, 88)
    assert violin.within(60, 70) == Register(60, 70, 60, 70)  # less than an octave is usual: all it has


@given(st.integers(21, 108))
def test_key_names(pitch: int) -> None:
    name = key_name(pitch)
    letters = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
    assert 12 * (int(name[-1]) + 1) + letters.index(name[:-1]) == pitch


def test_the_table_of_instruments_is_sound() -> None:
    programs = [program for player in INSTRUMENTS.values() for program in player.programs]
    assert len(INSTRUMENTS) >= 48
    assert len(programs) == len(set(programs))
    for name, player in INSTRUMENTS.items():
        assert name == player.name
        assert all(0 <= program < 128 for program in player.programs)
        assert 21 <= player.low <= player.usual_low
        assert player.usual_low + 11 <= player.usual_high <= player.high <= 108
        assert player.release_seconds > 0
