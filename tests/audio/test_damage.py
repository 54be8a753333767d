"""Bytes that are damaged anywhere in a file: what follows stays at its time, or a remark reports what is lost."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.audio_files import SAMPLE_RATE, notes
from support.kinds import ALL

from stylebox.core.audio.io.read import AudioReader
from stylebox.core.errors import AudioError

# Each sample stands for itself there, and Musepack has no checksums: damage is heard, and moves nothing.
OF_SAMPLES = {
    *("WAV", "WAV of unknown size", "WAV of size 0", "AIFF", "AU", "AU, floats", "AU of unknown size", "CAF"),
    *("Wave64", "Wave64 by FFmpeg", "IRCAM", "SPHERE", "SoX", "VOC", "AST", "DSF", "DSDIFF", "Musepack"),
}
UNMARKED = {"AMR", "CAF, Apple Lossless", "Flash"}  # zeros are frames or tags there, or nothing tells what a frame is
LEAST_SECONDS = 0.1  # that are said


def overwritten(content: bytes, place: int, noise: np.random.Generator) -> bytes:
    return content[:place] + noise.bytes(300) + content[place + 300 :]


def erased(content: bytes, place: int, noise: np.random.Generator) -> bytes:
    return content[:place] + bytes(2000) + content[place + 2000 :]


def shortened(content: bytes, place: int, noise: np.random.Generator) -> bytes:
    return content[:place] + content[place + 1471 :]


def read(content: bytes, path: Path) -> tuple[np.ndarray, int, list[str]]:
    path.write_bytes(content)
    with AudioReader(path) as reader:
        blocks = [np.zeros((0, reader.channels), np.float32), *reader]
        return np.concatenate(blocks)[:, 0], reader.native_rate, reader.remarks


@pytest.mark.parametrize("damage", [overwritten, erased, shortened])
@pytest.mark.parametrize("kind", [kind for kind in ALL if kind not in OF_SAMPLES | UNMARKED])
def test_no_sound_is_lost_in_silence(
    kind: str, damage: Callable[[bytes, int, np.random.Generator], bytes], tmp_path: Path
) -> None:
    path, noise = tmp_path / "a", np.random.default_rng(0)
    ALL[kind](path, notes(SAMPLE_RATE, 3.0))
    content = path.read_bytes()
    whole, rate, remarks = read(content, path)
    assert remarks == []
    for place in (*range(len(content) // 8, len(content) - 2000, len(content) // 9), len(content) * 9 // 10):
        try:
            back, _, remarks = read(damage(content, place, noise), path)
        except AudioError:
            continue
        assert remarks or abs(len(back) - len(whole)) < LEAST_SECONDS * rate, place
