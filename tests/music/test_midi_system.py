"""Volume, tuning, resets and damaged events of MIDI files; the right values follow from the specifications."""

import time
from pathlib import Path

import mido
import pytest

from stylebox.core.music.midi.read import Score, read_midi

GM_ON, GM2_ON = (0x7E, 0x7F, 9, 1), (0x7E, 0x7F, 9, 3)
GS_RESET, XG_ON = (0x41, 0x10, 0x42, 0x12, 0x40, 0, 0x7F, 0, 0x41), (0x43, 0x10, 0x4C, 0, 0, 0x7E, 0)
GS, XG = (0x41, 0x10, 0x42, 0x12), (0x43, 0x10, 0x4C)
SECOND = 480  # ticks


def track(*messages: mido.Message) -> mido.MidiTrack:
    return mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000), *messages])


def played(*tracks: mido.MidiTrack) -> Score:
    mido.MidiFile(type=1, ticks_per_beat=SECOND, tracks=list(tracks)).save("a.mid")
    return read_midi(Path("a.mid"))


def control(number: int, value: int, time: int = 0) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, time=time)


def sysex(*data: int, time: int = 0) -> mido.Message:
    return mido.Message("sysex", data=data, time=time)


def on(pitch: int = 60, time: int = 0) -> mido.Message:
    return mido.Message("note_on", note=pitch, velocity=90, time=time)


def off(pitch: int = 60, time: int = SECOND) -> mido.Message:
    return mido.Message("note_off", note=pitch, time=time)


def spans(score: Score) -> list[tuple[int, float, float]]:
    return [(note.pitch, round(note.start_seconds, 3), round(note.end_seconds, 3)) for note in score.notes]


def pitch(*messages: mido.Message) -> float:
    """Of a key 60 after some messages, in semitones."""
    score = played(track(*messages, on(), off()))
    assert score.remarks == []
    (note,) = score.notes
    return round(note.pitch + note.cents / 100, 3)


def volumes(value: int) -> list[mido.Message]:
    """All messages that set a volume; those of GS end with a checksum."""
    return [
        control(7, value),
        control(11, value),
        sysex(0x7F, 0x7F, 4, 1, value, 0),
        sysex(*GS, 0x40, 0, 4, value, 0x3C - value),
        sysex(*XG, 0, 0, 4, value),
        sysex(*GS, 0x40, 0x11, 0x19, value, 0x16 - value),
        sysex(*XG, 8, 0, 0x0B, value),
    ]


@pytest.mark.parametrize(("silence", "loud"), list(zip(volumes(0), volumes(1), strict=True)))
def test_notes_of_volume_0_are_left_out(silence: mido.Message, loud: mido.Message) -> None:
    score = played(track(silence, on(), off(), loud, on(64), off(64)))
    assert (spans(score), score.remarks) == ([(64, 1, 2)], ["1 note left out: the volume is 0"])


def test_notes_last_while_their_volume_is_not_0() -> None:
    swell = [
        control(11, 0),
        on(),
        control(11, 90, SECOND),
        control(11, 0, SECOND),
        control(11, 9, 24),
        control(11, 0, 24),
    ]
    score = played(track(*swell, off(), on(64), control(11, 127), off(64)))
    assert (spans(score), score.remarks) == ([(60, 1, 2.1), (64, 3.1, 4.1)], [])
    trembling = [m for _ in range(4) for m in (control(11, 0, 60), control(11, 127, 60))]
    assert spans(played(track(on(), *trembling, off(time=0)))) == [(60, 0, 0.875)]


def test_all_volumes_count_and_no_other_channel() -> None:
    other = mido.Message("control_change", control=7, value=0, channel=3)
    assert spans(played(track(other, control(7, 0), control(11, 127), on(), off()))) == []
    assert spans(played(track(other, control(7, 127), on(), off()))) == [(60, 0, 1)]


def test_controllers_that_are_reset_leave_the_volume_as_it_was() -> None:
    """RP-015 of the MIDI Association: 121 resets the expression, and neither the volume nor the tuning."""
    assert spans(played(track(control(11, 0), control(121, 0), on(), off()))) == [(60, 0, 1)]
    assert spans(played(track(control(7, 0), control(121, 0), on(), off()))) == []
    tuned = [control(101, 0), control(100, 2), control(6, 66)]
    assert pitch(*tuned, control(121, 0)) == 62
    assert pitch(*tuned, control(121, 0), control(6, 70)) == 62, "no parameter is chosen any more"


@pytest.mark.parametrize(
    ("data", "semitones"),
    [
        ((0x7F, 0x7F, 4, 3, 0, 0x60), 0.5),
        ((0x7F, 0, 4, 3, 0, 0), -1),
        ((0x7F, 0x7F, 4, 3, 0x7F, 0x7F), 1),
        ((0x7F, 0x7F, 4, 4, 0, 0x40 - 12), -12),
        ((*GS, 0x40, 0, 0, 0, 7, 0xE, 8, 0x53), 1),
        ((*GS, 0x40, 0, 0, 0, 3, 0, 0xC, 0x31), -0.244),
        ((*GS, 0x40, 0, 5, 0x43, 0x78), 3),
        ((*XG, 0, 0, 0, 0, 4, 0x3, 0xC), 0.06),
        ((*XG, 0, 0, 6, 0x3E), -2),
    ],
)
def test_master_tuning_moves_all_notes(data: tuple[int, ...], semitones: float) -> None:
    assert pitch(sysex(*data)) == pytest.approx(60 + semitones, abs=1e-3)
    late = played(track(on(), sysex(*data, time=SECOND), off(time=0), on(), off()))
    assert [round(note.pitch + note.cents / 100 - 60, 3) for note in late.notes] == pytest.approx(
        [0, semitones], abs=1e-3
    )


def test_tunings_add_up() -> None:
    fine = [control(101, 0), control(100, 1), control(6, 80), control(38, 0)]
    wheel = mido.Message("pitchwheel", pitch=2048)
    assert pitch(sysex(0x7F, 0x7F, 4, 3, 0, 0x60), sysex(0x7F, 0x7F, 4, 4, 0, 0x45), *fine, wheel) == 66.25


@pytest.mark.parametrize("data", [GM_ON, GM2_ON, GS_RESET, XG_ON])
def test_a_reset_makes_everything_begin_again(data: tuple[int, ...]) -> None:
    bend_range = [control(101, 0), control(100, 0), control(6, 12)]
    tuning = [control(101, 0), control(100, 2), control(6, 66), sysex(0x7F, 0x7F, 4, 4, 0, 0x41)]
    wheel = mido.Message("pitchwheel", pitch=4096)
    silence = [control(7, 0), control(11, 0), sysex(0x7F, 0x7F, 4, 1, 0, 0)]
    assert pitch(*bend_range, *tuning, wheel, *silence, sysex(*data)) == 60
    assert pitch(*bend_range, sysex(*data), wheel) == 61
    zone = [control(101, 0), control(100, 6), control(6, 15)]
    late = mido.Message("pitchwheel", pitch=4096, channel=1)
    key = [mido.Message(kind, note=60, channel=1, time=time) for kind, time in (("note_on", 0), ("note_off", SECOND))]
    assert [note.pitch for note in played(track(*zone, sysex(*data), late, *key)).notes] == [61]
    held = played(track(control(64, 127), on(), on(64), off(64), sysex(*data, time=SECOND), on(65), off(65)))
    assert (spans(held), held.remarks) == ([(60, 0, 2), (64, 0, 2), (65, 2, 3)], [])


def test_a_reset_in_a_later_track_costs_no_note_of_its_time() -> None:
    score = played(track(control(7, 90), on(), off()), track(sysex(*GM_ON)))
    assert (spans(score), score.remarks) == ([(60, 0, 1)], [])


def test_in_mono_mode_a_note_ends_as_the_next_begins() -> None:
    legato = [on(), on(64, SECOND), off(60, 240), off(64, 240)]
    assert spans(played(track(control(126, 1), *legato))) == [(60, 0, 1), (64, 1, 2)]
    assert spans(played(track(control(126, 1), control(127, 0), *legato))) == [(60, 0, 1.5), (64, 1, 2)]


def test_all_sound_off_ends_what_the_sostenuto_pedal_holds() -> None:
    held = [
        on(),
        control(66, 127, 240),
        off(time=240),
        control(120, 0, SECOND),
        on(62),
        off(62),
        control(66, 0, SECOND),
    ]
    assert spans(played(track(*held))) == [(60, 0, 2), (62, 2, 3)]


@pytest.mark.parametrize(
    ("data", "obeyed"),
    [
        ((0x7E, 0x7F, 8, 1, 0, *bytes(400)), False),
        ((0x7F, 0x7F, 8, 2, 0, 1, 60, 60, 64, 0), False),
        ((0x7F, 0x7F, 8, 8, 3, 0x7F, 0x7F, *[64] * 4, 14, *[64] * 7), False),
        ((0x7F, 0x7F, 8, 8, 3, 0x7F, 0x7F, *[64] * 12), True),
        ((0x7F, 0x7F, 8, 9, 3, 0x7F, 0x7F, *[64, 0] * 12), True),
        ((*GS, 0x40, 0x11, 0x40, *[64] * 11, 14, 0), False),
        ((*GS, 0x40, 0x11, 0x40, *[64] * 12, 0), True),
        ((*XG, 8, 0, 0x44, 20), False),
        ((0x7E, 0x7F, 8, 0, 0), True),  # asks for a tuning
    ],
)
def test_tunings_of_single_keys_are_reported(data: tuple[int, ...], obeyed: bool) -> None:
    score = played(track(sysex(*data), on(), off()))
    said = ["its tuning of single keys is not obeyed; they are played in equal temperament"]
    assert (spans(score), score.remarks) == ([(60, 0, 1)], [] if obeyed else said)


def with_events(events: bytes) -> Score:
    """The notes of a track: these events, then a note of a beat."""
    body = events + bytes([0, 0x90, 60, 90, 96, 60, 0, 0, 0xFF, 0x2F, 0])
    Path("b.mid").write_bytes(b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk" + len(body).to_bytes(4, "big") + body)
    return read_midi(Path("b.mid"))


@pytest.mark.parametrize(
    ("events", "remarks"),
    [
        (b"\0\xff\x51\1\x0f", ["1 damaged tempo change left out"]),
        (b"\0\xff\x51\0" * 2, ["2 damaged tempo changes left out"]),
        (b"\0\xff\x51\3\0\0\0", ["1 damaged tempo change left out"]),
        (b"\0\xff\x51\4\x07\xa1\x20\0", []),  # longer than it has to be
        (b"\0\xff\x21\0", ["1 damaged port number left out"]),
        (b"\0\xff\x59\1\0\0\xff\x58\0", []),  # key and meter change no note
        (b"\0\xf0\4\x7f\x7f\4\1", ["1 damaged SysEx message left out"]),  # no end
        (b"\0\xf0\6\x7f\x7f\4\1\0\xf7", ["1 damaged SysEx message left out"]),  # a byte is missing
        (b"\0\xf0\6\x7e\x7f\x90\1\0\xf7", ["1 damaged SysEx message left out"]),  # no data
        (b"\0\xf7\1\xf8\0\xf0\1\xf7", []),
    ],
)
def test_events_of_a_wrong_length_are_reported(events: bytes, remarks: list[str]) -> None:
    score = with_events(events)
    assert (spans(score), score.remarks) == ([(60, 0, 0.5)], remarks)


def test_messages_in_packets_are_obeyed() -> None:
    assert spans(with_events(b"\0\xf0\3\x7f\x7f\4\0\xf7\3\4\0\x4c\0\xf7\1\xf7")) == [(72, 0, 0.5)]
    assert spans(with_events(b"\0\xf7\x08\xf0\x7f\x7f\4\4\0\x4c\xf7")) == [(72, 0, 0.5)]


def test_a_message_that_is_longer_than_its_track_is_reported() -> None:
    score = with_events(b"\0\xf0\x60\x7f")
    assert (score.notes, score.remarks) == ([], ["track 1 ends early; what it holds up to there is used"])


def test_notes_that_end_all_together_take_time_in_proportion() -> None:
    def seconds(number: int) -> float:
        messages = [message for _ in range(number) for message in (on(), control(123, 0, 1))]
        mido.MidiFile(tracks=[track(*messages)]).save("a.mid")
        begin = time.process_time()
        assert len(read_midi(Path("a.mid")).notes) == number
        return time.process_time() - begin

    few, many = (min(seconds(number) for _ in range(3)) for number in (1000, 8000))  # other programs take time, too
    assert many < 32 * few  # 64 times if each end looked at all notes


@pytest.mark.parametrize(("number", "said"), [(1, "1 message has a value"), (2, "2 messages have values")])
def test_values_above_127_are_said(number: int, said: str) -> None:
    played(track(*(message for _ in range(2) for message in (on(), off()))))
    path = Path("a.mid")
    path.write_bytes(path.read_bytes().replace(b"\x3c\x5a", b"\x3c\xfa", number))
    score = read_midi(path)
    assert [note.velocity for note in score.notes] == [1.0] * number + [90 / 127] * (2 - number)
    assert score.remarks == [f"{said} above 127, taken as 127"]
