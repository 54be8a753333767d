"""A short recording is decoded once, however often it is read; a long one is not kept in memory."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from stylebox.core.audio.io.read import AudioReader
from stylebox.core.audio.io.source import opened
from stylebox.core.jobs import file_recording
from stylebox.core.jobs.file_recording import FileRecording


@pytest.mark.parametrize(("kept_bytes", "times_decoded"), [(1 << 20, 1), (100_000, 3)])
def test_it_is_decoded_once_if_it_is_short(
    kept_bytes: int, times_decoded: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).integers(-9000, 9000, (100_000, 2), np.int16)
    soundfile.write(tmp_path / "noise.flac", noise, 44100)
    decoded = []

    class Counted(AudioReader):
        """Counts how often samples are read."""

        def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
            decoded.append(self.name)
            return super().__iter__()

    monkeypatch.setattr(file_recording, "AudioReader", Counted)
    monkeypatch.setattr(file_recording, "_KEPT_BYTES", kept_bytes)
    with opened(tmp_path / "noise.flac") as (stream, name):
        recording = FileRecording.of(stream, name)
        next(recording.blocks())  # the rest is not asked for
        decoded.clear()
        readings = [np.concatenate(list(recording.blocks())) for _ in range(3)]
    assert len(decoded) == times_decoded
    for reading in readings:
        assert np.array_equal(np.round(reading * 32768), noise)
