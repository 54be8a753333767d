"""MIDI Polyphonic Expression and other ways to set pitch bends; the right values follow from the specifications."""

from pathlib import Path

import mido
import pytest

from stylebox.core.music.midi.read import Score, read_midi

MEMBERS, BEND_RANGE, FINE, COARSE = (0, 6), (0, 0), (0, 1), (0, 2)  # registered parameters
MORE, LESS = 96, 97
SEMITONE_OF_48 = 8192 / 48  # of the wheel


def played(*messages: mido.Message) -> Score:
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000), *messages])
    mido.MidiFile(type=0, ticks_per_beat=480, tracks=[track]).save("a.mid")
    return read_midi(Path("a.mid"))


def control(channel: int, number: int, value: int, time: int = 0) -> mido.Message:
    """Channels count from 1, as musicians count them."""
    return mido.Message("control_change", channel=channel - 1, control=number, value=value, time=time)


def parameter(channel: int, number: tuple[int, int], *data: tuple[int, int]) -> list[mido.Message]:
    return [control(channel, *pair) for pair in ((101, number[0]), (100, number[1]), *data)]


def zone(manager: int, members: int) -> list[mido.Message]:
    return parameter(manager, MEMBERS, (6, members))


def wheel(channel: int, steps: float, time: int = 0) -> mido.Message:
    return mido.Message("pitchwheel", channel=channel - 1, pitch=round(steps), time=time)


def note(channel: int, pitch: int = 60) -> list[mido.Message]:
    """A second long."""
    key = {"channel": channel - 1, "note": pitch}
    return [mido.Message("note_on", velocity=90, **key), mido.Message("note_off", time=480, **key)]


def pitches(score: Score) -> list[float]:
    """In semitones, with the cents."""
    return [round(each.pitch + each.cents / 100, 2) for each in score.notes]


def test_members_of_a_zone_bend_by_48_semitones() -> None:
    bent = wheel(2, 3 * SEMITONE_OF_48)
    assert pitches(played(bent, *note(2))) == [60.12]  # two semitones without a zone
    assert pitches(played(*zone(1, 15), bent, *note(2))) == [63]
    assert pitches(played(*zone(1, 3), wheel(4, 4096), *note(4), wheel(5, 4096), *note(5))) == [84, 61]
    assert pitches(played(*zone(16, 3), wheel(13, 4096), *note(13), wheel(12, 4096), *note(12))) == [84, 61]
    assert pitches(played(*zone(1, 15), *zone(1, 0), bent, *note(2))) == [63], "its range stays until it is set"
    assert pitches(played(*zone(3, 5), bent, *note(2))) == [60.12], "channel 3 manages no zone"


def test_a_range_set_on_a_member_holds_for_its_zone() -> None:
    narrow = parameter(3, BEND_RANGE, (6, 12))
    assert pitches(played(*zone(1, 7), *narrow, wheel(2, 4096), *note(2), wheel(9, 4096), *note(9))) == [66, 61]
    assert pitches(played(*zone(1, 7), *parameter(1, BEND_RANGE, (6, 12)), wheel(2, 4096), *note(2))) == [84]


def test_the_manager_bends_and_holds_the_whole_zone() -> None:
    assert pitches(played(*zone(1, 15), wheel(1, 4096), wheel(2, SEMITONE_OF_48), *note(2), *note(3))) == [62, 61]
    late = played(wheel(1, 4096), *zone(1, 15), *note(2))
    assert pitches(late) == [61], "also if it was bent before"
    held = played(*zone(1, 15), control(1, 64, 127), *note(2), control(1, 64, 0, 480))
    assert [each.end_seconds for each in held.notes] == [2]


def test_channel_10_of_a_zone_is_no_drum_kit() -> None:
    score = played(*zone(1, 15), *note(10))
    assert (pitches(score), score.remarks) == ([60], [])
    assert played(*zone(1, 5), *note(10)).remarks == ["1 note left out: drums (channel 10)"]


def test_a_later_zone_takes_channels_from_the_other() -> None:
    both = [*zone(1, 10), *zone(16, 8)]
    pitch_of = {n: pitches(played(*both, wheel(1, 4096), *note(n)))[0] for n in (2, 7, 8, 15)}
    assert pitch_of == {2: 61, 7: 61, 8: 60, 15: 60}
    assert pitches(played(*zone(16, 14), *zone(1, 15), wheel(16, 8191), *note(16))) == [pytest.approx(108, abs=0.02)]


@pytest.mark.parametrize(
    ("number", "data", "bend", "expected"),
    [
        (BEND_RANGE, [(MORE, 0)], 8192, 62.01),
        (BEND_RANGE, [(6, 12), (LESS, 99)], 8192, 71.99),
        (BEND_RANGE, [(6, 2), (38, 99), (MORE, 5)], 8192, 63),
        (BEND_RANGE, [(6, 0), (38, 0), (LESS, 0)], 8192, 60),
        (FINE, [(6, 64), (38, 0), *[(MORE, 0)] * 82], 0, 60.01),
        (COARSE, [(6, 64), (MORE, 0), (MORE, 0), (MORE, 0), (LESS, 0)], 0, 62),
    ],
)
def test_data_increments_move_a_parameter_by_one_step(
    number: tuple[int, int], data: list[tuple[int, int]], bend: int, expected: float
) -> None:
    """RP-018 of the MIDI Association: by one cent, by one step of 1/8192 semitone, by one semitone; no value counts."""
    (found,) = pitches(played(*parameter(1, number, *data), wheel(1, min(bend, 8191)), *note(1)))
    assert found == pytest.approx(expected, abs=0.011)


def two_tracks(first: list[mido.Message], second: list[mido.Message]) -> list[tuple[int, float, float]]:
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    file.tracks += [mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000), *first]), mido.MidiTrack(second)]
    file.save("b.mid")
    score = read_midi(Path("b.mid"))
    assert score.remarks == []
    return [(each.pitch, each.start_seconds, each.end_seconds) for each in score.notes]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_note_off_may_be_in_another_track_than_its_note_on(swapped: bool) -> None:
    times = {60: 0, 64: 480, 67: 480}
    on = [mido.Message("note_on", note=pitch, velocity=90, time=time) for pitch, time in times.items()]
    off = [mido.Message("note_off", note=pitch, time=480) for pitch in times]
    tracks = (off, on) if swapped else (on, off)
    assert two_tracks(*tracks) == [(60, 0, 1), (64, 1, 2), (67, 2, 3)]


def test_a_track_that_only_silences_costs_no_note() -> None:
    """Some programs release every key at the beginning."""
    panic = [mido.Message("note_off", note=pitch) for pitch in range(128)]
    assert two_tracks(panic, [*note(1, 60), *note(1, 62)]) == [(60, 0, 1), (62, 1, 2)]
