"""An interrupt that arrives while C code calls back into Python is not lost, and nothing of the work is."""

import os
import signal
from pathlib import Path

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
