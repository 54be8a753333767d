"""Takes on disk: names, removed silence, copies."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.microphones import RATE, music, noise, two_channels

from stylebox.core.audio.io.read import load_audio
from stylebox.core.errors import SourceError
from stylebox.core.sources.record.takes import begin_take, copy_take, file_take, finish_take, leading_silence


def write_take(folder: Path, audio: np.ndarray) -> Path:
    part = begin_take(folder)
    soundfile.write(part, audio, RATE, subtype="PCM_24")
    return part


@pytest.mark.parametrize(
    ("before", "seconds"),
    [
        (np.zeros(RATE), 1.0),
        (noise(1.0, -70.0), 1.0),
        (noise(1.0, -48.0), 1.0),  # an audible room
        (np.zeros(0), 0.0),
        (np.zeros(400), 0.0),  # less than what stays anyway
    ],
)
def test_silence_before_the_first_note_is_removed(before: np.ndarray, seconds: float, tmp_path: Path) -> None:
    audio = two_channels(before, music(2.0))
    path, trimmed = finish_take(write_take(tmp_path, audio))
    assert trimmed == pytest.approx(max(0.0, seconds - 0.1), abs=0.011)
    kept, _ = soundfile.read(path, always_2d=True)
    np.testing.assert_allclose(kept, audio[round(trimmed * RATE) :], atol=2**-22)
    assert list(tmp_path.iterdir()) == [path]


def test_a_soft_beginning_stays(tmp_path: Path) -> None:
    swell = np.linspace(0.02, 1.0, 2 * RATE) * np.sin(np.arange(2 * RATE) * 0.3) * 0.5
    assert leading_silence(write_take(tmp_path, two_channels(swell)))[0] <= 0.15 * RATE


def test_a_disk_without_room_for_a_second_copy_keeps_the_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    part = write_take(tmp_path, two_channels(np.zeros(RATE), music(1.0)))
    monkeypatch.setattr("stylebox.core.sources.record.takes._copy_from", full)
    path, trimmed = finish_take(part)
    assert trimmed == 0.0
    assert list(tmp_path.iterdir()) == [path]
    assert soundfile.info(path).frames == 2 * RATE


def test_takes_begun_in_the_same_second_have_different_names(tmp_path: Path) -> None:
    now = datetime(2025, 3, 1, 20, 15, 7)
    parts = [begin_take(tmp_path, now), begin_take(tmp_path, now)]
    assert [part.name for part in parts] == ["2025-03-01_20-15-07.part.flac", "2025-03-01_20-15-07-2.part.flac"]
    soundfile.write(parts[0], music(0.5), RATE)
    path, _ = finish_take(parts[0])
    assert path.name == "2025-03-01_20-15-07.flac"
    assert begin_take(tmp_path, now).name == "2025-03-01_20-15-07-3.part.flac"


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", " oboe", "con", "a\0b"])
def test_an_instrument_that_cannot_name_a_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be the name of a folder"):
        file_take(tmp_path / "take.flac", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_keeps_the_audio_and_takes_the_name_of_the_take_in_a_folder(tmp_path: Path) -> None:
    take, _ = finish_take(write_take(tmp_path / "takes", two_channels(music(1.0))))
    (tmp_path / "folder").mkdir()
    assert copy_take(take, tmp_path / "folder") == tmp_path / "folder" / take.name
    mixed = load_audio(copy_take(take, tmp_path / "copy.wav"), RATE)
    np.testing.assert_allclose(mixed, 0.75 * music(1.0), atol=1e-4)
