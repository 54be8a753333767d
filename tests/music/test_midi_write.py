"""Notes that are written are read again: the same times, keys, velocities and bends."""

from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylebox.core.music.midi.read import read_midi
from stylebox.core.music.midi.write import TICKS_PER_BEAT, Bend, write_midi
from stylebox.core.music.notes import Note

TICK_SECONDS = 0.5 / TICKS_PER_BEAT
FILE = Path("a.mid")


@st.composite
def scores(draw: st.DrawFn) -> list[Note]:
    """Up to fifteen notes, any of which may overlap and share a key."""
    size = draw(st.integers(1, 15))
    ticks = st.integers(0, 40_000)
    found = []
    for _ in range(size):
        start, length = draw(ticks), draw(st.integers(1, 20_000))
        cents = draw(st.sampled_from([0.0, 0.0, 12.5, -50.0, 49.0]))
        found.append(
            Note(
                start * TICK_SECONDS,
                (start + length) * TICK_SECONDS,
                draw(st.integers(21, 108)),
                draw(st.integers(1, 127)) / 127,
                cents,
            )
        )
    return sorted(found)


@settings(max_examples=150, deadline=None)
@given(scores())
def test_written_notes_are_read_again(notes: list[Note]) -> None:
    write_midi(FILE, notes)
    score = read_midi(FILE)
    assert score.remarks == []
    key = [(round(n.start_seconds, 6), n.pitch, round(n.end_seconds, 6), round(n.velocity, 6)) for n in notes]
    again = [(round(n.start_seconds, 6), n.pitch, round(n.end_seconds, 6), round(n.velocity, 6)) for n in score.notes]
    assert sorted(again) == sorted(key)
    tuning = {(round(n.start_seconds, 6), n.pitch): n.cents for n in score.notes}
    if len(tuning) == len(notes):
        assert [tuning[round(n.start_seconds, 6), n.pitch] for n in notes] == pytest.approx(
            [n.cents for n in notes], abs=0.02
        )


def channels_of(path: Path) -> list[int]:
    """The channel of each note, in the order of the file."""
    return [message.channel for message in mido.MidiFile(path).tracks[1] if message.type == "note_on"]


def test_only_bent_notes_that_sound_together_leave_the_first_channel() -> None:
    chord = [Note(0, 1, 60), Note(0, 1, 64), Note(0.5, 2, 67)]
    write_midi(FILE, chord)
    assert channels_of(FILE) == [0, 0, 0]
    write_midi(FILE, [note._replace(cents=10) for note in chord])
    assert channels_of(FILE) == [0, 1, 2]
    melody = [Note(i, i + 1, 60 + i, cents=5.0 * i - 10) for i in range(5)]
    write_midi(FILE, melody)
    assert channels_of(FILE) == [0] * 5
    assert [note.cents for note in read_midi(FILE).notes] == pytest.approx([-10, -5, 0, 5, 10], abs=0.02)


def test_no_note_is_on_the_channel_of_drums_or_lost_where_channels_are_few() -> None:
    notes = [Note(0, 1, 40 + i, cents=20) for i in range(20)]
    write_midi(FILE, notes)
    assert 9 not in channels_of(FILE)
    assert [note.pitch for note in read_midi(FILE).notes] == [note.pitch for note in notes]


def test_a_vibrato_is_written_over_its_note() -> None:
    times = np.arange(0.5, 1.5, 0.01)
    vibrato = Bend(times, 30 * np.sin(2 * np.pi * 5 * times) + 10)
    write_midi(FILE, [Note(0.5, 1.5, 69), Note(2, 3, 60)], bends=[vibrato, Bend(np.array([2.0]), np.array([0.0]))])
    wheel = [message for message in mido.MidiFile(FILE) if message.type == "pitchwheel"]
    heights = np.array([message.pitch for message in wheel]) / 8192 * 200
    assert (heights.max(), heights.min()) == (pytest.approx(40, abs=0.5), pytest.approx(-20, abs=0.5))
    assert heights[-1] == 0  # before the next note
    first, second = read_midi(FILE).notes
    assert (first.pitch, second.pitch, second.cents) == (69, 60, 0)
    assert first.cents == pytest.approx(10, abs=1)


def test_the_file_names_its_track_and_program() -> None:
    write_midi(FILE, [Note(0, 1, 60)], program=40, name="violin")
    track = mido.MidiFile(FILE).tracks[1]
    assert track.name == "violin"
    assert [message.program for message in track if message.type == "program_change"] == [40]
    first = FILE.read_bytes()
    write_midi(FILE, [Note(0, 1, 60)], program=40, name="violin")
    assert FILE.read_bytes() == first
