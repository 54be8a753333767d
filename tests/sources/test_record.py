"""Recording: through PortAudio itself from an ALSA device that plays a file, and by fakes where the stream begins."""

import ctypes.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from support.command_result import CommandResult
from support.recordings import melody

from stylebox.console import console as look
from stylebox.console import level_meter, progress
from stylebox.core.audio.io import sound_card as sound_card_module
from stylebox.core.audio.io.read import load_audio, probe
from stylebox.core.audio.io.sound_card import Deliver, list_inputs, open_input
from stylebox.core.data.scan import find_sources
from stylebox.core.errors import AudioError, SourceError
from stylebox.core.sources.record import recorder as recording
from stylebox.core.sources.record.recorder import Level, Take, record
from stylebox.core.sources.record.takes import begin_take, copy_take, file_take, finish_take, leading_silence
from stylebox.core.sources.sidecar import read_sidecar

RATE = 8000
ALSA = Path("/usr/share/alsa/alsa.conf")
ASOUNDRC = """
pcm.!default {{
  type asym
  capture.pcm {{
    type plug
    slave {{ format FLOAT_LE rate 44100 channels 2
      pcm {{ type file format raw file "/dev/null" infile "{heard}" slave.pcm {{ type null }} }} }}
  }}
  playback.pcm {{
    type plug
    slave {{ format FLOAT_LE rate 44100 channels 2
      pcm {{ type file format raw file "{played}" slave.pcm {{ type null }} }} }}
  }}
}}
"""

needs_portaudio = pytest.mark.skipif(
    not ALSA.exists() or not ctypes.util.find_library("portaudio"),
    reason="needs ALSA and PortAudio: apt install libportaudio2",
)


def music(seconds: float, sample_rate: int = RATE, seed: int = 0) -> np.ndarray:
    """Notes that begin at once. Shape: ``(S,)``."""
    return melody(seconds, seed, sample_rate)


def two_channels(*parts: np.ndarray) -> np.ndarray:
    """The parts after one another, the right channel half as loud. Shape: ``(S, 2)``."""
    mono = np.concatenate(parts).astype(np.float32)
    return np.stack([mono, mono / 2], axis=1)


class FakeInput:
    """A microphone that gives all it has when started; `at_end` is what happens then."""

    name = "fake microphone"

    def __init__(
        self,
        audio: np.ndarray,
        sample_rate: int = RATE,
        overruns: Sequence[int] = (),
        at_end: Callable[[], bool] = lambda: False,
    ) -> None:
        self.audio, self.sample_rate, self.channels = audio, sample_rate, audio.shape[1]
        self.overruns, self.is_running, self.closed = overruns, at_end, False

    def start(self, deliver: Deliver) -> None:
        for number, start in enumerate(range(0, len(self.audio), 400)):
            overrun = number in self.overruns
            deliver(self.audio[start : start + 400], overrun, 0.25 if overrun else 0.0)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeInput], FakeInput]:
    """Make a fake the system's microphone."""

    def plugged(stream: FakeInput) -> FakeInput:
        monkeypatch.setattr(sound_card_module, "open_input", lambda device=None, channel=None: stream)
        return stream

    return plugged


def takes(home: Path) -> list[Path]:
    return sorted((home / "recordings").iterdir()) if (home / "recordings").exists() else []


# Through PortAudio


def sound_card(own_home: Path, heard: np.ndarray) -> Path:
    """The default ALSA device hears `heard`, ``(S, 2)`` at 44.1 kHz, again and again; gives what is played on it."""
    own_home.mkdir(parents=True, exist_ok=True)
    heard_path, played_path = own_home.parent / "heard.raw", own_home.parent / "played.raw"
    heard.astype("<f4").tofile(heard_path)
    (own_home.parent / ".asoundrc").write_text(ASOUNDRC.format(heard=heard_path, played=played_path))
    return played_path


def stylebox(*arguments: object) -> CommandResult:
    """Run the program. It finds the sound card of this test by `HOME`, when PortAudio is loaded."""
    command = [sys.executable, "-m", "stylebox", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=240)
    return CommandResult(ended.returncode, ended.stdout, ended.stderr)


def aligned_correlation(found: np.ndarray, reference: np.ndarray) -> float:
    """Correlation at the best lag, over the whole of `found`."""
    size = 1 << (len(found) + len(reference)).bit_length()
    products = np.fft.irfft(np.fft.rfft(reference, size) * np.conj(np.fft.rfft(found, size)))
    lag = int(np.argmax(products[: len(reference) - len(found) + 1]))
    return float(np.corrcoef(found, reference[lag : lag + len(found)])[0, 1])


@needs_portaudio
def test_the_take_is_what_was_played(own_home: Path) -> None:
    heard = two_channels(np.zeros(22050), music(3.5, 44100))
    sound_card(own_home, heard)
    code, out, err = stylebox("record", "--seconds", 3.5, "--json")
    assert code == 0, err
    take = json.loads(out)["take"]
    assert takes(own_home) == [Path(take["path"])]
    audio, rate = soundfile.read(take["path"])
    assert (rate, take["ended_by"], take["overruns"], take["warnings"]) == (44100, "seconds", 0, [])
    assert take["trimmed_seconds"] == pytest.approx(0.4, abs=0.02)
    assert len(audio) == round(3.5 * 44100) - round(take["trimmed_seconds"] * 44100)
    for channel in (0, 1):
        assert aligned_correlation(audio[:, channel], heard[:, channel]) >= 0.99
    np.testing.assert_allclose(audio, heard[-len(audio) - 22050 :][: len(audio)], atol=2**-22)


@needs_portaudio
def test_one_channel_is_recorded_and_played(own_home: Path) -> None:
    heard = two_channels(music(2.0, 44100))
    played = sound_card(own_home, heard)
    code, out, err = stylebox("record", "--seconds", 1.5, "--channel", 2, "--play", "-o", "copy.wav")
    assert code == 0, err
    take, copy = out.splitlines()
    assert copy == "copy.wav"
    audio, rate = soundfile.read(take)
    assert (audio.shape, rate) == ((66150,), 44100)
    assert aligned_correlation(audio, heard[:, 1]) >= 0.99
    assert len(load_audio("copy.wav", 44100)) == 66150
    sounded = np.fromfile(played, "<f4").reshape(-1, 2)
    np.testing.assert_allclose(sounded[: len(audio), 0], audio, atol=2**-22)


@needs_portaudio
def test_recorded_and_transferred(tiny_home: Path) -> None:
    sound_card(tiny_home, two_channels(np.zeros(22050), music(2.5, 44100)))
    code, out, err = stylebox(
        "record", "--style", "string", "--seconds", 3, "--model", "tiny", "--device", "cpu", "--steps", 0
    )
    assert code == 0, err
    take, made = map(Path, out.splitlines())
    assert take.parent == tiny_home / "recordings"
    assert made == Path(f"{take.stem}-string.wav")
    assert len(load_audio(made)) == len(load_audio(take))


@needs_portaudio
def test_devices_are_listed_and_found(own_home: Path) -> None:
    sound_card(own_home, two_channels(music(1.0, 44100)))
    (device,) = json.loads(stylebox("record", "--list-devices", "--json").out)
    assert (device["name"], device["sample_rate"], device["default"]) == ("default", 44100, True)
    (own_home.parent / ".asoundrc").write_text("pcm.!default { type null_and_void }")
    missing = stylebox("record")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err == "stylebox: the system has no microphone or other input; plug one in and try again\n"


# The PortAudio that is not there, and one that is made of paper


@pytest.mark.parametrize(
    ("platform", "tools", "command"),
    [
        ("darwin", (), "brew install portaudio"),
        ("linux", ("apt-get",), "sudo apt install libportaudio2"),
        ("linux", ("dnf",), "sudo dnf install portaudio"),
    ],
)
def test_without_portaudio_one_line_says_what_to_install(
    platform: str,
    tools: tuple[str, ...],
    command: str,
    run: Callable[..., CommandResult],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own_home: Path,
) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(shutil, "which", lambda tool: tool if tool in tools else None)
    for arguments in (("record",), ("record", "--list-devices"), ("transfer", "a.wav", "-s", "harp", "--play")):
        assert run(*arguments) == CommandResult(1, "", f"stylebox: PortAudio is not installed; {command}\n")
    assert takes(own_home) == []


class PaperPortAudio(ModuleType):
    """`sounddevice` with one device of four inputs, whose callback is ours to call."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.refusal = ""
        self.callback: Any = None
        self.opened = 0

    def query_devices(self, device: int | str | None = None, kind: str | None = None) -> dict[str, Any]:
        if device == "two":
            raise ValueError("Multiple input devices found for 'two':\n[1] two a\n[2] two b")
        if device == "trombone":
            raise ValueError("No input device matching 'trombone'")
        if device == 7:
            raise self.PortAudioError("Error querying device 7")
        inputs = 0 if device == "speaker" else 4
        return {"index": 3, "name": "paper", "max_input_channels": inputs, "default_samplerate": 1000.0}

    def InputStream(  # noqa: N802
        self, rate: float, blocksize: int, device: int, channels: int, dtype: str, latency: float, callback: Any
    ) -> Any:
        if self.refusal:
            raise self.PortAudioError(self.refusal, -9985)
        self.callback, self.opened = callback, channels
        return SimpleNamespace(start=lambda: None, active=True, abort=lambda: None, close=lambda: None)

    def hear(self, value: float, began: float, overflow: bool = False) -> None:
        block = np.tile(np.arange(1, self.opened + 1, dtype=np.float32) * value, (50, 1))
        time_info = SimpleNamespace(inputBufferAdcTime=began)
        self.callback(block, 50, time_info, SimpleNamespace(input_overflow=overflow))


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> PaperPortAudio:
    fake = PaperPortAudio()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_overruns_are_measured_on_the_devices_clock(paper: PaperPortAudio) -> None:
    came: list[tuple[float, bool, float]] = []
    stream = open_input(None, channel=3)
    stream.start(lambda block, overrun, lost: came.append((float(block[0, 0]), overrun, round(lost, 6))))
    paper.hear(0.1, began=5.0, overflow=True)  # of before we listened
    paper.hear(0.2, began=5.05)
    paper.hear(0.3, began=5.4, overflow=True)  # 0.3 s late
    stream.close()
    stream.close()
    assert (stream.channels, paper.opened) == (1, 3)
    assert came == [
        (pytest.approx(0.3), False, 0.0),
        (pytest.approx(0.6), False, 0.0),
        (pytest.approx(0.9), True, 0.3),
    ]


def test_blocks_do_not_change_after_they_came(paper: PaperPortAudio) -> None:
    came: list[np.ndarray] = []
    stream = open_input()
    stream.start(lambda block, overrun, lost: came.append(block))
    block = np.ones((50, paper.opened), np.float32)
    paper.callback(block, 50, SimpleNamespace(inputBufferAdcTime=0.0), SimpleNamespace(input_overflow=False))
    block[:] = 0  # PortAudio uses its buffers again
    assert came[0].shape == (50, 2)
    assert came[0].min() == 1.0


def test_a_device_that_refuses_is_one_line(
    paper: PaperPortAudio, run: Callable[..., CommandResult], own_home: Path
) -> None:
    paper.refusal = "Error opening InputStream: Device unavailable [PaErrorCode -9985]"
    code, out, err = run("record")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == (
        "stylebox: paper: cannot be recorded from (Error opening InputStream: Device unavailable); "
        "is it in use, or forbidden to this program?"
    )
    assert takes(own_home) == []


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ("trombone", "no such input"),
        ("7", "no such input"),
        ("two", "fits several devices"),
        ("speaker", "has no input"),
    ],
)
def test_a_device_that_is_not_meant(
    device: str, reason: str, paper: PaperPortAudio, run: Callable[..., CommandResult]
) -> None:
    said = f"stylebox: device '{device}': {reason}; `stylebox record --list-devices` shows what there is\n"
    assert run("record", "--input", device) == CommandResult(1, "", said)
    assert run("record", "--channel", 5) == CommandResult(
        1, "", "stylebox: paper: has no channel 5, only 4; choose another\n"
    )


# At the stream's edge: overruns, unplugging, stops


def test_overruns_are_counted_and_said(tmp_path: Path) -> None:
    take = record(FakeInput(two_channels(music(3.0)), overruns=(5, 9)), tmp_path, seconds=3.0)
    assert (take.overruns, take.lost_seconds, take.seconds) == (2, 0.5, 3.0)
    assert any("2 gaps" in warning and "0.50 s are missing" in warning for warning in take.warnings)
    assert take.failure is None


def test_a_gap_after_the_take_is_none_of_it(tmp_path: Path) -> None:
    take = record(FakeInput(two_channels(music(3.0)), overruns=(5, 50)), tmp_path, seconds=1.0)
    assert (take.overruns, take.seconds) == (1, 1.0)


def test_the_queue_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "QUEUE_SECONDS", 2.0)
    take = record(FakeInput(two_channels(music(5.0))), tmp_path, seconds=10.0)
    assert take.seconds == 2.0
    assert (take.overruns, take.lost_seconds) == (1, pytest.approx(3.0))


def test_unplugged_keeps_what_was_recorded(
    run: Callable[..., CommandResult], plug_in: Callable[[FakeInput], FakeInput], own_home: Path
) -> None:
    stream = plug_in(FakeInput(two_channels(music(2.5))))
    code, out, err = run("record", "--seconds", 60)
    assert code == 1
    assert takes(own_home) == [Path(out.strip())]
    assert soundfile.info(out.strip()).frames == 2.5 * RATE
    assert "stylebox: fake microphone: stopped giving sound after 2.5 s; what came before is kept" in err.splitlines()
    assert stream.closed


def test_a_device_that_falls_silent_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(recording, "START_SECONDS", 0.2)
    take = record(FakeInput(two_channels(music(1.0)), at_end=lambda: True), tmp_path, seconds=5.0)
    assert (take.ended_by, take.seconds) == ("device", 1.0)
    with pytest.raises(AudioError, match="fake microphone: gave no sound; is it plugged in"):
        record(FakeInput(np.zeros((0, 1), np.float32), at_end=lambda: True), tmp_path / "none")
    assert list((tmp_path / "none").iterdir()) == []


def test_ctrl_c_ends_the_take_and_nothing_else(
    run: Callable[..., CommandResult], plug_in: Callable[[FakeInput], FakeInput], own_home: Path
) -> None:
    def press() -> bool:
        signal.raise_signal(signal.SIGINT)
        return True

    plug_in(FakeInput(two_channels(music(2.0)), at_end=press))
    before = signal.getsignal(signal.SIGINT)
    code, out, _ = run("record", "--json")
    assert code == 0
    take = json.loads(out)["take"]
    assert (take["ended_by"], take["seconds"]) == ("interrupt", 2.0)  # with all that was still on its way
    assert signal.getsignal(signal.SIGINT) is before


def test_an_exception_keeps_the_take(tmp_path: Path) -> None:
    def stop() -> None:
        raise SystemExit(143)  # SIGTERM

    with pytest.raises(SystemExit):
        record(FakeInput(two_channels(music(1.0))), tmp_path, stop=stop)
    (path,) = tmp_path.iterdir()
    assert ".part" not in path.name
    assert soundfile.info(path).frames == 400


def test_a_full_disk_keeps_what_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(soundfile.SoundFile):  # type: ignore[misc]
        written = 0

        def write(self, data: np.ndarray) -> None:
            if self.written >= RATE:
                raise soundfile.LibsndfileError(2, "No space left:\n")
            self.written += len(data)
            super().write(data)

    monkeypatch.setattr(recording.soundfile, "SoundFile", FullDisk)
    take = record(FakeInput(two_channels(music(3.0))), tmp_path, seconds=3.0)
    assert take.ended_by == "disk"
    assert take.failure is not None
    assert "the disk refused more after 1.0 s" in take.failure
    assert "\n" not in take.failure
    assert soundfile.info(take.path).frames == RATE


KILLED = """
import itertools, sys, threading, time
from pathlib import Path
import numpy as np
from stylebox.core.sources.record.recorder import record

class Endless:
    name, sample_rate, channels = "endless", 8000, 1
    def start(self, deliver):
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, (8000 * 60, 1)).astype("float32")
        def give():
            for start in itertools.count(0, 800):
                deliver(noise[start : start + 800], False, 0.0)
                time.sleep(0.01)
        threading.Thread(target=give, daemon=True).start()
    def is_running(self):
        return True
    def close(self):
        pass

def meter(level):
    if level.seconds >= 5:
        print("five seconds", flush=True)

record(Endless(), Path("takes"), meter=meter)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_a_killed_recording_can_still_be_heard() -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "five seconds\n"
        program.kill()
    (part,) = Path("takes").iterdir()
    assert part.name.endswith(".part.flac")
    audio = load_audio(part, 8000)
    assert len(audio) >= 4 * 8000
    assert probe(part).seconds == len(audio) / 8000
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (8000 * 60, 1))[: len(audio), 0]
    np.testing.assert_allclose(audio, noise, atol=1e-4)


# Enter, and the meter


@pytest.mark.skipif(os.name == "nt", reason="terminals as POSIX has them")
def test_enter_is_heard_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    import pty
    import termios

    keyboard, terminal = pty.openpty()
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.write(keyboard, b"\n")  # from before: does not count
        time.sleep(0.05)
        with level_meter.stop_request() as stop:
            assert stop() is None
            assert not termios.tcgetattr(terminal)[3] & termios.ECHO
            os.write(keyboard, b"oops")
            assert stop() is None
            os.write(keyboard, b"\n")
            assert wait_for(stop) == "enter"
        assert termios.tcgetattr(terminal)[3] & termios.ECHO
    os.close(keyboard)
    monkeypatch.setattr(sys, "stdin", StringIO("\n"))
    with level_meter.stop_request() as stop:
        assert stop() is None


def wait_for(answer: Callable[[], str | None]) -> str | None:
    for _ in range(100):
        if (given := answer()) is not None:
            return given
        time.sleep(0.02)
    return None


def levels(*blocks: np.ndarray) -> Iterator[Level]:
    tally = recording._Tally(RATE)
    for block in blocks:
        yield tally.add(block[:, None], recording._NO_GAP)


def test_peaks_are_held_for_a_while() -> None:
    second = np.ones(RATE // 2, np.float32)
    held = [level.held_db for level in levels(0.5 * second, *[0.05 * second] * 5)]
    assert held == pytest.approx([-6.02] * 4 + [-26.02] * 2, abs=0.01)


def test_clipping_is_counted() -> None:
    block = np.zeros(100, np.float32)
    block[10:13] = (1.0, -1.0, 32767 / 32768)
    (level,) = levels(block)
    assert level.clipped_samples == 3
    assert [level.clipped_samples for level in levels(np.full(50, 0.999, np.float32))] == [0]


class Screen(StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_meter_is_live_on_a_terminal_and_lines_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    loud = Level(61.0, 0.0, 0.0, 12)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    look.console.configure()
    with level_meter.level_meter() as meter:
        meter(loud)
    assert "1:01" in screen.getvalue()
    assert "CLIPPED" in screen.getvalue()
    assert "\x1b" in screen.getvalue()

    monkeypatch.setattr(sys, "stderr", plain := StringIO())
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    look.console.configure()
    with level_meter.level_meter() as meter:
        meter(loud)
        meter(Level(62.0, -30.0, -6.0, 14))
    assert plain.getvalue().splitlines() == [
        "warning: clips at 1:01; turn the input down",
        "recording: 1:01, peak 0 dB",
        "recording: 1:02, peak -6 dB",
    ]
    monkeypatch.setattr(sys, "stderr", silent := StringIO())
    look.console.configure(quiet=True)
    with level_meter.level_meter() as meter:
        meter(loud)
    look.console.configure()
    assert silent.getvalue() == ""


@pytest.mark.parametrize(("level_db", "cells"), [(0.0, 40), (-30.0, 20), (-60.0, 0), (float("-inf"), 0), (6.0, 40)])
def test_the_bar_is_as_long_as_the_level(level_db: float, cells: int) -> None:
    assert level_meter.meter_line(Level(0.0, level_db, -200.0, 0)).count("━") == cells


# Takes on disk


def write_take(folder: Path, audio: np.ndarray) -> Path:
    part = begin_take(folder)
    soundfile.write(part, audio, RATE, subtype="PCM_24")
    return part


def noise(seconds: float, level_db: float) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(round(seconds * RATE)) * 10 ** (level_db / 20)


@pytest.mark.parametrize(
    ("before", "seconds"),
    [
        (np.zeros(RATE), 1.0),
        (noise(1.0, -70.0), 1.0),
        (noise(1.0, -48.0), 1.0),  # a room that can be heard
        (np.zeros(0), 0.0),
        (np.zeros(400), 0.0),  # less than what stays anyway
    ],
)
def test_silence_before_the_first_note_is_left_out(before: np.ndarray, seconds: float, tmp_path: Path) -> None:
    audio = two_channels(before, music(2.0))
    path, trimmed = finish_take(write_take(tmp_path, audio))
    assert trimmed == pytest.approx(max(0.0, seconds - 0.1), abs=0.011)
    kept, _ = soundfile.read(path, always_2d=True)
    np.testing.assert_allclose(kept, audio[round(trimmed * RATE) :], atol=2**-22)
    assert list(tmp_path.iterdir()) == [path]


def test_a_soft_beginning_stays(tmp_path: Path) -> None:
    swell = np.linspace(0.02, 1.0, 2 * RATE) * np.sin(np.arange(2 * RATE) * 0.3) * 0.5
    assert leading_silence(write_take(tmp_path, two_channels(swell)))[0] <= 0.15 * RATE


def test_silence_throughout_is_kept_and_said(tmp_path: Path) -> None:
    take = record(FakeInput(two_channels(noise(2.0, -80.0))), tmp_path, seconds=2.0)
    assert (take.seconds, take.trimmed_seconds) == (2.0, 0.0)
    assert any("silent throughout" in warning for warning in take.warnings)
    assert soundfile.info(take.path).frames == 2 * RATE


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


def test_takes_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    now = datetime(2025, 3, 1, 20, 15, 7)
    parts = [begin_take(tmp_path, now), begin_take(tmp_path, now)]
    assert [part.name for part in parts] == ["2025-03-01_20-15-07.part.flac", "2025-03-01_20-15-07-2.part.flac"]
    soundfile.write(parts[0], music(0.5), RATE)
    path, _ = finish_take(parts[0])
    assert path.name == "2025-03-01_20-15-07.flac"
    assert begin_take(tmp_path, now).name == "2025-03-01_20-15-07-3.part.flac"


def test_a_take_is_filed_as_material(
    run: Callable[..., CommandResult], plug_in: Callable[[FakeInput], FakeInput], own_home: Path
) -> None:
    plug_in(FakeInput(two_channels(music(2.0))))
    code, out, err = run("record", "--seconds", 2, "--instrument", "Oboe d'amore")
    assert code == 0, err
    take = Path(out.strip())
    ((found,), misplaced) = find_sources(own_home / "sources")
    assert misplaced == []
    assert (found.instrument, found.path.read_bytes()) == ("Oboe d'amore", take.read_bytes())
    sidecar = read_sidecar(found.path)
    assert sidecar is not None
    assert (sidecar.title, sidecar.duration_seconds) == (f"Take {take.stem}", 2.0)
    assert sidecar.sha256 is not None


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "", " oboe", "con", "a\0b"])
def test_an_instrument_is_the_name_of_a_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be the name of a folder"):
        file_take(tmp_path / "take.flac", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_goes_where_it_is_wanted(tmp_path: Path) -> None:
    take, _ = finish_take(write_take(tmp_path / "takes", two_channels(music(1.0))))
    (tmp_path / "folder").mkdir()
    assert copy_take(take, tmp_path / "folder") == tmp_path / "folder" / take.name
    mixed = load_audio(copy_take(take, tmp_path / "copy.wav"), RATE)
    np.testing.assert_allclose(mixed, 0.75 * music(1.0), atol=1e-4)


# The command


@pytest.mark.parametrize(
    "line",
    ["record --midi n.mid", "record --play -o -", "record --json -o -", "record --seconds 0", "record --channel 0"],
)
def test_wrong_usage_records_nothing(line: str, run: Callable[..., CommandResult], own_home: Path) -> None:
    assert run(*line.split()).code == 2
    assert takes(own_home) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("-o", "there.wav"),
        ("-o", "take.xyz"),
        ("--instrument", "../x"),
        ("-s", "a", "--midi", "there.wav"),
        ("-s", "a", "--midi", "notes"),
        ("-s", "violn"),
        ("-s", "violin", "--model", "nonesuch"),
    ],
)
def test_what_cannot_be_written_is_said_before_a_note_is_played(
    arguments: tuple[str, ...],
    run: Callable[..., CommandResult],
    plug_in: Callable[[FakeInput], FakeInput],
    own_home: Path,
) -> None:
    Path("there.wav").write_text("mine")
    plug_in(FakeInput(two_channels(music(1.0))))
    assert run("record", "--seconds", 1, *arguments).code == 1
    assert takes(own_home) == []
    assert Path("there.wav").read_text() == "mine"


def test_the_take_stays_when_the_transfer_fails(
    run: Callable[..., CommandResult], plug_in: Callable[[FakeInput], FakeInput], own_home: Path
) -> None:
    plug_in(FakeInput(two_channels(music(1.0))))
    Path("style.wav").write_text("no sound")
    code, out, err = run("record", "--seconds", 1, "--style", "style.wav", "--device", "cpu")
    assert code == 1
    assert err.splitlines()[-1].startswith("stylebox: ")
    assert takes(own_home) == [Path(out.strip())]


def test_ctrl_c_ends_playing_only(
    run: Callable[..., CommandResult],
    plug_in: Callable[[FakeInput], FakeInput],
    own_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(audio: np.ndarray, sample_rate: int) -> None:
        assert (len(audio), sample_rate) == (RATE, RATE)
        raise KeyboardInterrupt

    plug_in(FakeInput(two_channels(music(1.0))))
    monkeypatch.setattr(sound_card_module, "check_output", lambda: None)
    monkeypatch.setattr(sound_card_module, "play", interrupted)
    code, _, err = run("record", "--seconds", 1, "--play")
    assert (code, err.splitlines()[-1]) == (0, "playback stopped")


def test_a_recording_says_what_it_is(
    plug_in: Callable[[FakeInput], FakeInput], run: Callable[..., CommandResult]
) -> None:
    loud = np.clip(4 * music(1.0), -1, 1)
    plug_in(FakeInput(two_channels(np.zeros(RATE), loud)))
    ended = run("record", "--seconds", 2)
    assert "recording from fake microphone at 8000 Hz; Enter or Ctrl-C ends the take" in ended.err
    assert "samples at full scale); turn the input down" in ended.err
    assert "peak 0.0 dBFS, 0.9 s of silence at the start removed" in ended.err


def test_the_list_of_inputs_is_empty_without_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = SimpleNamespace(query_hostapis=tuple, query_devices=tuple, default=SimpleNamespace(device=[-1, -1]))
    monkeypatch.setattr(sound_card_module, "_portaudio", lambda: bare)
    assert list_inputs() == []


def test_a_take_tells_all_in_json(tmp_path: Path) -> None:
    take = record(FakeInput(two_channels(np.zeros(RATE))), tmp_path, seconds=1.0)
    assert isinstance(take, Take)
    assert look.to_json(take)["peak_db"] is None
    json.dumps(look.to_json(take), allow_nan=False)
