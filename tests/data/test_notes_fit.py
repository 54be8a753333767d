"""Notes beside a recording that are not its own: moved in time or pitch, of another piece, tempo or length."""

from pathlib import Path

import numpy as np
import pytest

from stylebox.core.audio.io.write import write_audio
from stylebox.core.data.build import build
from stylebox.core.data.quality.notes_fit import notes_misfits
from stylebox.core.music.midi.write import write_midi
from stylebox.core.music.notes import Note, key_hz

RATE = 22050


def piece(seconds: float, seed: int = 0) -> list[Note]:
    """Notes of a melody that does not repeat itself."""
    rng, notes, at = np.random.default_rng(seed), [], 0.2
    while at < seconds - 1:
        length = float(rng.uniform(0.2, 0.6))
        notes.append(Note(at, at + length, int(rng.integers(55, 80))))
        at += length
    return notes


def played(notes: list[Note], seconds: float) -> np.ndarray:
    """Tones of six partials that decay, and a little noise."""
    sound = np.random.default_rng(9).normal(0, 1e-4, round(seconds * RATE))
    for note in notes:
        begin, end = round(note.start_seconds * RATE), round(note.end_seconds * RATE)
        t = np.arange(end - begin) / RATE
        tone = sum(np.sin(2 * np.pi * key_hz(note.pitch) * part * t) / part for part in range(1, 7))
        sound[begin:end] += 0.1 * np.asarray(tone) * np.exp(-2 * t)
    return sound.astype(np.float32)


def moved(notes: list[Note], seconds: float = 0.0, semitones: int = 0, slower: float = 1.0) -> list[Note]:
    """The notes at another time, pitch or tempo."""
    return [
        note._replace(
            start_seconds=slower * note.start_seconds + seconds,
            end_seconds=slower * note.end_seconds + seconds,
            pitch=note.pitch + semitones,
        )
        for note in notes
    ]


@pytest.mark.parametrize("seed", range(3))
def test_notes_that_are_played_raise_no_doubt(seed: int) -> None:
    notes = piece(50.0, seed)
    assert notes_misfits(played(notes, 50.0), RATE, notes) == []
    assert notes_misfits(played(notes, 50.0), RATE, moved(notes, 0.1)) == []  # a slow attack
    assert notes_misfits(np.zeros(5 * RATE, np.float32), RATE, []) == []


@pytest.mark.parametrize(
    ("seconds", "semitones", "slower", "said"),
    [
        (2.0, 0, 1.0, "from 0 to 30 s these notes would fit the sound better 2.0 s earlier; export it again"),
        (-1.0, 0, 1.0, "1.0 s later;"),
        (0.0, 3, 1.0, "3 semitones lower;"),
        (0.0, -1, 1.0, "1 semitone higher;"),
        (0.0, -12, 1.0, "12 semitones higher;"),
        (0.0, 0, 1.04, "from 30 to 60 s these notes"),
    ],
)
def test_notes_elsewhere_are_found_with_their_place(seconds: float, semitones: int, slower: float, said: str) -> None:
    notes = piece(60.0)
    (found,) = notes_misfits(played(notes, 64.0), RATE, moved(notes, seconds, semitones, slower))
    assert said in found


def test_notes_of_another_piece_or_of_a_part_are_found() -> None:
    notes = piece(30.0)
    sound = played(notes, 30.0)
    assert "do not fit the sound" in notes_misfits(sound, RATE, piece(30.0, seed=1))[0]
    assert "begin after the end" in notes_misfits(sound[: 15 * RATE], RATE, notes)[0]
    assert "goes on for" in notes_misfits(sound, RATE, notes[: len(notes) // 2])[0]


def test_a_build_warns_of_them_and_uses_the_recording(tmp_path: Path) -> None:
    for name, late in (("right", 0.0), ("wrong", 2.0)):
        notes = piece(10.0, seed=len(name) + int(late))
        write_audio(tmp_path / "sources" / "reed" / f"{name}.wav", played(notes, 13.0), RATE)
        write_midi(tmp_path / "sources" / "reed" / f"{name}.mid", moved(notes, late))
    report = build(tmp_path / "sources", tmp_path / "dataset", jobs=1)
    (warning,) = [warning for warning in report.warnings if ".mid" in warning]
    assert warning.startswith(str(tmp_path / "sources" / "reed" / "wrong.wav: wrong.mid: from 0 to 13 s these notes"))
    assert report.recordings == {"reed": 2}
