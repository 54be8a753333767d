"""A sound server that died or hangs: the take is kept, and the program ends."""

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import atexit, sys, threading
from pathlib import Path
from support.microphones import FakePortAudio
from stylebox.core.audio.io.devices import duplex, sound_card
from stylebox.core.sources.record import recorder

class HungCard(FakePortAudio):
    def InputStream(self, *settings, callback):
        stream = super().InputStream(*settings, callback=callback)
        stream.abort = wait_for_ever

        def send_and_vanish():
            self.send(0.1, 0.0)
            stream.active = False

        threading.Timer(0.1, send_and_vanish).start()
        return stream

    def Stream(self, *settings):
        stream = super().Stream(*settings)
        setattr(stream, sys.argv[2], wait_for_ever)
        return stream

    def _exit_handler(self):
        wait_for_ever()

def wait_for_ever(*_):
    threading.Event().wait()

card = sys.modules["sounddevice"] = HungCard()
card.blocks_until_gone = 5
atexit.register(card._exit_handler)
sound_card.HUNG_SECONDS = duplex.HUNG_SECONDS = 0.3
if sys.argv[1] == "live":
    stream = duplex.open_duplex()
    stream.play_through(lambda block: block, lambda: iter(()), buffer_seconds=0.1)
else:
    stream = sound_card.open_input()
recorder.STALL_SECONDS = 1.0
print(recorder.record(stream, Path("takes"), seconds=30.0).ended_by)
"""


@pytest.mark.parametrize(
    ("way", "hangs"), [("record", "abort"), ("live", "abort"), ("live", "write"), ("live", "close")]
)
def test_the_program_ends_and_keeps_the_take(way: str, hangs: str, tmp_path: Path) -> None:
    """In a process of its own, whose end waits for nothing."""
    script = tmp_path / "program.py"
    script.write_text(_PROGRAM)
    tests = Path(__file__).parents[1]
    environment = {"PYTHONPATH": f"{tests.parent}:{tests}", "PATH": ""}
    command = [sys.executable, str(script), way, hangs]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=50, env=environment)
    assert (done.returncode, done.stdout) == (0, "device\n"), done.stderr
    (take,) = (tmp_path / "takes").iterdir()
    assert take.suffixes == [".flac"]
