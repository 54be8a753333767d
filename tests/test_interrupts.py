"""An interrupt that arrives while C code calls back into Python is not lost, and nothing of the work is."""

import io
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from stylebox.core.audio.io.write import AudioWriter
from stylebox.core.interrupts import held_interrupts

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    done = []

    def work() -> None:
        with held_interrupts():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done
    with pytest.raises(KeyboardInterrupt):  # the handler of before is back
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".flac"])
def test_a_file_that_was_interrupted_while_it_was_encoded_does_not_appear(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, written = tmp_path / f"a{suffix}", soundfile.SoundFile.write

    def interrupted(self: soundfile.SoundFile, block: np.ndarray) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        written(self, block)

    monkeypatch.setattr(soundfile.SoundFile, "write", interrupted)
    with pytest.raises(KeyboardInterrupt), AudioWriter(path, 44100) as writer:
        writer.write(np.zeros(100_000, np.float32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".flac", ".m4a", ".opus"])
def test_an_interrupt_while_an_encoder_writes_is_not_lost(suffix: str) -> None:
    """Encoders of C call back into Python to write, where an exception would be dropped with a part of the file."""

    class Interrupting(io.BytesIO):
        def write(self, content: Any) -> int:
            os.kill(os.getpid(), signal.SIGINT)
            return super().write(content)

    with pytest.raises(KeyboardInterrupt), AudioWriter((Interrupting(), suffix), 48000) as writer:
        writer.write(np.zeros(100_000, np.float32))
