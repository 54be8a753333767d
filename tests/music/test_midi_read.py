"""A MIDI file is played as it says: its clock, pedals, bends and channels; faults cost what they damage."""

from pathlib import Path

import mido
import pytest

from stylebox.core.errors import SourceError
from stylebox.core.music.midi.events import MAX_BYTES
from stylebox.core.music.midi.files import midi_beside
from stylebox.core.music.midi.read import Score, read_midi

TUNE = (60, 64, 67, 72)  # a note every 480 ticks, 432 ticks long


def on(pitch: int, time: int = 0, **more: int) -> mido.Message:
    return mido.Message("note_on", note=pitch, velocity=90, time=time, **more)


def off(pitch: int, time: int = 0, **more: int) -> mido.Message:
    return mido.Message("note_off", note=pitch, time=time, **more)


def control(number: int, value: int, time: int = 0) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, time=time)


def tempo(microseconds: int, time: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=time)


def tune(length: int = 480) -> list[mido.Message]:
    rest = length // 10
    return [m for i, p in enumerate(TUNE) for m in (on(p, rest if i else 0), off(p, length - rest))]


def read(*tracks: list[mido.Message | mido.MetaMessage], kind: int = 1, division: int = 480) -> Score:
    file = mido.MidiFile(type=kind, ticks_per_beat=division, tracks=[mido.MidiTrack(track) for track in tracks])
    file.save("a.mid")
    return read_midi(Path("a.mid"))


def changed(data: bytes) -> Score:
    Path("b.mid").write_bytes(data)
    return read_midi(Path("b.mid"))


def starts(score: Score) -> list[float]:
    return [round(note.start_seconds, 3) for note in score.notes]


def spans(score: Score) -> list[tuple[int, float, float]]:
    return [(note.pitch, round(note.start_seconds, 3), round(note.end_seconds, 3)) for note in score.notes]


def test_tempo_may_stand_in_any_track() -> None:
    assert starts(read([], [tempo(1_000_000), *tune()])) == [0, 1, 2, 3]
    assert starts(read([tempo(500_000)], tune(), [tempo(250_000, 960)])) == [0, 0.5, 1, 1.25]
    assert starts(read([tempo(1_000_000), *tune()], kind=0)) == [0, 1, 2, 3]


@pytest.mark.parametrize("division", [1, 24, 480, 32767])
def test_any_number_of_ticks_per_beat(division: int) -> None:
    assert starts(read([tempo(500_000), *tune(10 * division)], division=division)) == [0, 5, 10, 15]


@pytest.mark.parametrize(("frames", "rate"), [(24, 24), (25, 25), (29, 30_000 / 1001), (30, 30)])
def test_smpte_division_counts_frames_and_no_tempo(frames: int, rate: float) -> None:
    score = read([tempo(250_000), *tune(400)], kind=0, division=-(frames << 8) + 40)
    assert starts(score) == [round(i * 10 / rate, 3) for i in range(4)]


def test_patterns_of_type_2_follow_one_another_each_with_its_tempo() -> None:
    score = read([tempo(1_000_000), *tune()], tune(), kind=2)
    assert starts(score) == [0, 1, 2, 3, 3.9, 4.4, 4.9, 5.4]
    assert score.remarks == ["its 2 patterns (type 2) are played one after another"]


def test_running_status_and_note_on_of_velocity_0() -> None:
    events = bytes([0, 0x90, 60, 90, 96, 60, 0, 0, 64, 90, 96, 64, 0])
    header = b"MThd\0\0\0\6\0\0\0\1\0\x60"
    assert spans(changed(header + b"MTrk" + len(events).to_bytes(4, "big") + events)) == [(60, 0, 0.5), (64, 0.5, 1)]


def test_a_pedal_holds_notes_until_it_is_lifted_or_their_key_pressed_again() -> None:
    pressed = [control(64, 127), on(60), off(60, 48), on(64, 432), off(64, 48), on(60, 432), off(60, 48)]
    assert spans(read([*pressed, control(64, 0, 912)])) == [(60, 0, 1), (64, 0.5, 2), (60, 1, 2)]
    assert spans(read(pressed)) == [(60, 0, 1), (64, 0.5, 1.05), (60, 1, 1.05)]
    assert spans(read([control(64, 63), on(60), off(60, 48), on(62, 480), off(62, 1)]))[0] == (60, 0, 0.05)
    reset = [control(64, 127), on(60), off(60, 48), control(121, 0, 432), on(62, 480), off(62, 48)]
    assert spans(read(reset))[0] == (60, 0, 0.5)


def test_a_pedal_in_another_track_of_the_channel_counts() -> None:
    assert spans(read([control(64, 127), control(64, 0, 960)], [on(60), off(60, 48)])) == [(60, 0, 1)]


def test_the_sostenuto_pedal_holds_the_notes_whose_keys_are_down_as_it_goes_down() -> None:
    caught = [on(60), control(66, 127, 120), off(60, 120), on(62), off(62, 240), control(66, 0, 480)]
    assert spans(read(caught)) == [(60, 0, 1), (62, 0.25, 0.5)]
    assert spans(read([control(66, 127), on(60), off(60, 480), control(66, 0, 480)])) == [(60, 0, 0.5)]


def test_a_channel_that_is_silenced_is_silent() -> None:
    """All sound off ends notes that the pedal holds; the omni and mono modes end notes as all notes off does."""
    held = [control(64, 127), on(60), off(60, 240), control(120, 0, 240), on(62), off(62, 240), control(64, 0, 240)]
    assert spans(read(held)) == [(60, 0, 0.5), (62, 0.5, 1)]
    for mode in (124, 125, 126, 127):
        score = read([on(60), control(mode, 0, 480), on(62), off(62, 480)])
        assert (spans(score), score.remarks) == ([(60, 0, 0.5), (62, 0.5, 1)], [])


def test_notes_without_an_end_last_to_their_next_press_or_the_end() -> None:
    score = read([on(60), on(64, 480), on(60, 480), off(60, 240)])
    assert spans(score) == [(60, 0, 1), (64, 0.5, 1.25), (60, 1, 1.25)]
    assert score.remarks == ["2 notes held to the next press of the key, or to the end: the note-off is missing"]
    stopped = read([on(60), control(123, 0, 480), on(62, 480), off(62, 480)])
    assert spans(stopped) == [(60, 0, 0.5), (62, 1, 1.5)]
    assert stopped.remarks == []


def test_overlapping_notes_of_a_key_end_in_order() -> None:
    assert spans(read([on(60), on(60, 480), off(60, 240), off(60, 480)])) == [(60, 0, 0.75), (60, 0.5, 1.25)]
    apart = read([on(60), off(60, 1920)], [on(60, 480), off(60, 480)])
    assert spans(apart) == [(60, 0, 2), (60, 0.5, 1)]  # by track


def test_notes_of_no_length_and_keys_pressed_twice_are_reported() -> None:
    score = read([on(60), off(60), on(62, 480), on(62), off(62, 480), off(62)])
    assert spans(score) == [(60, 0, 0.05), (62, 0.5, 1)]
    assert score.remarks == [
        "1 note of no length: given 0.05 s",
        "1 note left out: the key is pressed twice at one time",
    ]


def test_drums_are_left_out_and_reported() -> None:
    score = read([on(36, channel=9), off(36, 480, channel=9), on(60), off(60, 480)])
    assert [note.pitch for note in score.notes] == [60]
    assert score.remarks == ["1 note left out: drums (channel 10)"]


def kit(*setup: mido.Message, channel: int) -> Score:
    """A note of a channel behind messages that may make it drums, and one of channel 1."""
    return read([*setup, on(36, channel=channel), off(36, 480, channel=channel), on(60), off(60, 480)])


def sysex(*data: int) -> mido.Message:
    return mido.Message("sysex", data=data)


def bank(number: int, channel: int) -> list[mido.Message]:
    """A bank and then a program of a channel."""
    select = mido.Message("control_change", control=0, value=number, channel=channel)
    return [select, mido.Message("program_change", program=0, channel=channel)]


XG_ON = sysex(0x43, 0x10, 0x4C, 0, 0, 0x7E, 0)
GS_ON = sysex(0x41, 0x10, 0x42, 0x12, 0x40, 0, 0x7F, 0, 0x41)


@pytest.mark.parametrize(
    ("setup", "channel"),
    [
        (bank(120, 2), 2),  # General MIDI 2
        ([XG_ON, *bank(127, 8)], 8),
        ([XG_ON, *bank(126, 8)], 8),
        ([XG_ON, sysex(0x43, 0x10, 0x4C, 8, 8, 7, 2)], 8),
        ([GS_ON, sysex(0x41, 0x10, 0x42, 0x12, 0x40, 0x13, 0x15, 1, 0x17)], 2),
        ([GS_ON, sysex(0x41, 0x10, 0x42, 0x12, 0x40, 0x1B, 0x15, 2, 0x0E), *bank(0, 11)], 11),
    ],
)
def test_channels_that_a_file_makes_drums_are_left_out(setup: list[mido.Message], channel: int) -> None:
    score = kit(*setup, channel=channel)
    assert [note.pitch for note in score.notes] == [60]
    assert score.remarks == [f"1 note left out: drums (channel {channel + 1})"]


@pytest.mark.parametrize(
    ("setup", "channel"),
    [
        (bank(121, 9), 9),  # General MIDI 2
        ([sysex(0x41, 0x10, 0x42, 0x12, 0x40, 0x10, 0x15, 0, 0x1B)], 9),
        (bank(127, 2), 2),  # a bank of the MT-32 where XG is not switched on
        ([*bank(120, 2), sysex(0x7E, 0x7F, 9, 1)], 2),  # everything begins again
        ([XG_ON, *bank(127, 8), *bank(0, 8)], 8),
    ],
)
def test_channels_that_are_no_drums_are_played(setup: list[mido.Message], channel: int) -> None:
    score = kit(*setup, channel=channel)
    assert (sorted(note.pitch for note in score.notes), score.remarks) == ([36, 60], [])


def effect(program: int, channel: int = 2) -> mido.Message:
    return mido.Message("program_change", program=program, channel=channel)


@pytest.mark.parametrize("setup", [[effect(127)], [*bank(121, 2), effect(120)]])
def test_sound_effects_are_left_out(setup: list[mido.Message]) -> None:
    score = kit(*setup, channel=2)
    assert [note.pitch for note in score.notes] == [60]
    assert score.remarks == ["1 note left out: sound effects (channel 3)"]


@pytest.mark.parametrize("setup", [[effect(119)], [effect(127), effect(0)], [*bank(8, 2), effect(127)]])
def test_programs_that_may_have_a_pitch_are_played(setup: list[mido.Message]) -> None:
    score = kit(*setup, channel=2)
    assert (sorted(note.pitch for note in score.notes), score.remarks) == ([36, 60], [])


def test_bends_move_notes_by_their_range() -> None:
    def bent(wheel: int, *more: mido.Message) -> tuple[int, float]:
        (note,) = read([*more, mido.Message("pitchwheel", pitch=wheel), on(60), off(60, 480)]).notes
        return note.pitch, note.cents

    def wheel_range(semitones: int, cents: int = 0) -> list[mido.Message]:
        return [control(101, 0), control(100, 0), control(6, semitones), control(38, cents)]

    assert bent(0) == (60, 0)
    assert bent(4096) == (61, 0)  # half of two semitones
    assert bent(1024) == (60, 25)
    assert bent(-8192) == (58, 0)
    assert bent(4096, *wheel_range(12)) == (66, 0)
    assert bent(-4096, *wheel_range(1, 40)) == (59, 30)
    assert bent(4096, control(99, 0), control(98, 0), control(6, 12)) == (61, 0)  # another kind of parameter
    assert bent(4096, control(101, 0), control(100, 0), control(99, 1), control(98, 8), control(6, 12)) == (61, 0)
    fine = [control(101, 0), control(100, 1), control(6, 80), control(38, 0)]
    assert bent(0, *fine) == (60, 25)
    assert bent(4096, *fine, control(101, 0), control(100, 2), control(6, 64 + 12)) == (73, 25)
    (later,) = read([on(60), mido.Message("pitchwheel", pitch=1024, time=240), off(60, 720)]).notes
    assert later.cents == pytest.approx(0.75 * 25)


def test_faults_cost_what_they_damage() -> None:
    read([tempo(500_000)], tune())
    good = Path("a.mid").read_bytes()
    whole = spans(read_midi(Path("a.mid")))
    for count, remarks in ((2, 0), (1, 1), (5, 1)):
        score = changed(good[:10] + count.to_bytes(2, "big") + good[12:])
        assert (spans(score), len(score.remarks)) == (whole, remarks)
    tempo_at = good.index(b"\xff\x51\x03") + 2
    assert spans(changed(good[:tempo_at] + b"\1\x0f" + good[tempo_at + 4 :]))[0] == whole[0]  # a tempo of one byte
    bad_key = bytes([0, 0xFF, 0x59, 2, 9, 5])
    at = good.rindex(b"MTrk") + 8
    size = int.from_bytes(good[at - 4 : at], "big")
    assert spans(changed(good[: at - 4] + (size + 6).to_bytes(4, "big") + bad_key + good[at:])) == whole
    assert spans(changed(good[: at - 4] + bytes(4) + good[at:])) == whole  # a track of size 0
    assert spans(changed(good + b"junk" * 9)) == whole
    assert spans(changed(good[:14] + b"XFIHabcd"[:4] + b"\0\0\0\2hi" + good[14:])) == whole  # an unknown chunk
    assert spans(changed(b"RIFF....RMIDdata...." + good)) == whole
    cut = changed(good[:-12])
    assert spans(cut)[:3] == whole[:3]
    assert "track 2 ends early" in cut.remarks[0]


def test_events_that_are_missing_in_a_track_are_said() -> None:
    """The next track begins before the place that the size of this one states."""
    read(tune(), tune())
    good = Path("a.mid").read_bytes()
    assert changed(good + b"junk" * 9).remarks == changed(good[:-1] + b"\0" + b"LIST").remarks == []
    missing = changed(good[:26] + good[26 + 8 :])
    assert len(missing.notes) < 8
    assert missing.remarks[0] == "track 1 is shorter than it states; events may be missing"


def test_notes_behind_the_end_mark_of_a_track_are_played_and_reported() -> None:
    """Programs that join tracks or patterns leave the mark in the middle; what is no music behind it is not played."""
    read(tune(), kind=0)
    good = Path("a.mid").read_bytes()
    whole = spans(read_midi(Path("a.mid")))

    def with_rest(rest: bytes) -> Score:
        return changed(good[:18] + (len(good) - 22 + len(rest)).to_bytes(4, "big") + good[22:] + rest)

    more = with_rest(b"\x60\x90\x3c\x40\x60\x80\x3c\x40\0\xff\x2f\0")
    assert spans(more) == [*whole, (60, 2.05, 2.15)]
    assert more.remarks == ["track 1 goes on after its end mark; what follows is used, too"]
    for rest in (bytes(50), b"XFKM" * 9, b"\x60\x3c\x40", b"\0\xff\x2f\0"):
        assert (spans(with_rest(rest)), with_rest(rest).remarks) == (whole, [])
    damaged = with_rest(b"\x60\x90\x3c\x40\x60\x80")
    assert spans(damaged) == whole
    assert damaged.remarks == ["track 1 is damaged after its end mark; what it holds up to there is used"]


def remarks_or_refusal(data: bytes) -> list[str]:
    """What is reported of a file, whether its notes are used or not."""
    try:
        return changed(data).remarks
    except SourceError as error:
        return [str(error)]


def test_every_beginning_of_a_file_is_read_or_refused_in_one_line() -> None:
    read([tempo(500_000), mido.MetaMessage("track_name", name="a" * 200)], tune())
    good = Path("a.mid").read_bytes()
    for stop in range(len(good)):
        found = remarks_or_refusal(good[:stop])
        assert found, stop
        assert all("\n" not in line for line in found)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not begin"),
        (b"RIFF" + bytes(40), "does not begin"),
        (b"MThd\0\0\0\6\0\0\0\1\0\0MTrk\0\0\0\0", "says 0"),
        (b"MThd\0\0\0\6\0\7\0\1\0\x60MTrk\0\0\0\0", "type 7"),
        (b"MThd\0\0\0\6\0\0\0\1\0\x60", "no tracks"),
        (bytes(MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_midi_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        changed(data)
    with pytest.raises(SourceError, match=r"missing\.mid: no such file; check the name"):
        read_midi(Path("missing.mid"))


def test_what_stands_before_the_header_costs_nothing() -> None:
    """A copy from an old Macintosh has 128 bytes before it."""
    read([tempo(500_000)], tune())
    data = Path("a.mid").read_bytes()
    assert starts(changed(bytes(128) + data)) == starts(changed(b"\r\n" + data)) == [0, 0.5, 1, 1.5]


def test_a_track_whose_size_was_never_filled_in_is_read() -> None:
    """The program that recorded it was killed."""
    read([tempo(500_000)], tune())
    data = Path("a.mid").read_bytes()
    at = data.rfind(b"MTrk") + 4
    assert starts(changed(data[:at] + bytes(4) + data[at + 4 :])) == [0, 0.5, 1, 1.5]


@pytest.mark.parametrize(
    "name", ["é.mid", "é.midi", "é.MID", "é.Mid", "é.MIDI", "é.kar", "É.mid", "e\u0301.smf", "é.wav.mid"]
)
def test_the_notes_beside_a_recording_are_found(name: str) -> None:
    Path("sub").mkdir()
    Path("sub", "other.mid").touch()
    assert midi_beside(Path("sub/é.wav")) is None
    Path("sub", name).touch()
    assert midi_beside(Path("sub/é.wav")) == Path("sub", name)


def test_notes_of_links_are_found_and_a_broken_link_is_named() -> None:
    Path("library").mkdir()
    Path("sources").mkdir()
    Path("library/a.mid").touch()
    Path("library/a.wav").touch()
    Path("sources/b.wav").symlink_to(Path("library/a.wav").absolute())
    assert midi_beside(Path("sources/b.wav")) == Path("library/a.mid").absolute()
    Path("sources/b.mid").symlink_to("nowhere.mid")
    assert midi_beside(Path("sources/b.wav")) == Path("sources/b.mid")
    with pytest.raises(SourceError, match=r"^sources/b\.mid: "):
        read_midi(Path("sources/b.mid"))
