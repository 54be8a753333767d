"""Records through PortAudio from an ALSA device that plays a file, and from a fake PortAudio."""

import ctypes.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from support.command_result import CommandResult
from support.microphones import FakePortAudio, music, takes, two_channels

from stylebox.core.audio.io.devices import sound_card as sound_card_module
from stylebox.core.audio.io.devices.sound_card import list_inputs, open_input
from stylebox.core.audio.io.read import load_audio
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline

EXAMPLE = Path(__file__).parents[2] / "examples" / "piano.flac"
ALSA = Path("/usr/share/alsa/alsa.conf")

ASOUNDRC = """
pcm.!default {{
  type asym
  capture.pcm {{
    type plug
    slave {{ format FLOAT_LE rate 44100 channels 2
      pcm {{ type file format raw file "/dev/null" infile "{recorded}" slave.pcm {{ type null }} }} }}
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


def sound_card(own_home: Path, input_audio: np.ndarray) -> Path:
    """Make a default ALSA device whose input repeats `input_audio`, ``(S, 2)`` at 44.1 kHz.

    Returns:
        The file that receives everything played on it, as raw float32.
    """
    own_home.mkdir(parents=True, exist_ok=True)
    recorded_path, played_path = own_home.parent / "input_audio.raw", own_home.parent / "played.raw"
    input_audio.astype("<f4").tofile(recorded_path)
    (own_home.parent / ".asoundrc").write_text(ASOUNDRC.format(recorded=recorded_path, played=played_path))
    return played_path


def stylebox(*arguments: object) -> CommandResult:
    """Run the program. It finds the sound card of this test by `HOME`, when PortAudio is loaded."""
    command = [sys.executable, "-m", "stylebox", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=240)
    return CommandResult(result.returncode, result.stdout, result.stderr)


def aligned_correlation(found: np.ndarray, reference: np.ndarray) -> float:
    """Correlation at the best lag, over the whole of `found`."""
    size = 1 << (len(found) + len(reference)).bit_length()
    products = np.fft.irfft(np.fft.rfft(reference, size) * np.conj(np.fft.rfft(found, size)))
    lag = int(np.argmax(products[: len(reference) - len(found) + 1]))
    return float(np.corrcoef(found, reference[lag : lag + len(found)])[0, 1])


@needs_portaudio
def test_the_take_equals_the_audio_that_was_played(own_home: Path) -> None:
    input_audio = two_channels(np.zeros(22050), music(3.5, 44100))
    sound_card(own_home, input_audio)
    code, out, err = stylebox("record", "--seconds", 3.5, "--json")
    assert code == 0, err
    take = json.loads(out)["take"]
    assert takes(own_home) == [Path(take["path"])]
    audio, rate = soundfile.read(take["path"])
    assert (rate, take["ended_by"], take["overruns"], take["warnings"]) == (44100, "seconds", 0, [])
    assert take["trimmed_seconds"] == pytest.approx(0.4, abs=0.02)
    assert len(audio) == round(3.5 * 44100) - round(take["trimmed_seconds"] * 44100)
    for channel in (0, 1):
        assert aligned_correlation(audio[:, channel], input_audio[:, channel]) >= 0.99
    np.testing.assert_allclose(audio, input_audio[-len(audio) - 22050 :][: len(audio)], atol=2**-22)


@needs_portaudio
def test_one_channel_is_recorded_and_played(own_home: Path) -> None:
    input_audio = two_channels(music(2.0, 44100))
    played = sound_card(own_home, input_audio)
    code, out, err = stylebox("record", "--seconds", 1.5, "--channel", 2, "--play", "-o", "copy.wav")
    assert code == 0, err
    take, copy = out.splitlines()
    assert copy == "copy.wav"
    audio, rate = soundfile.read(take)
    assert (audio.shape, rate) == ((66150,), 44100)
    assert aligned_correlation(audio, input_audio[:, 1]) >= 0.99
    assert len(load_audio("copy.wav", 44100)) == 66150
    played_audio = np.fromfile(played, "<f4").reshape(-1, 2)
    np.testing.assert_allclose(played_audio[: len(audio), 0], audio, atol=2**-22)


@needs_portaudio
def test_a_take_is_transferred_with_its_length(tiny_home: Path) -> None:
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
def test_a_live_transfer_is_played_and_is_the_transfer_of_the_take(own_home: Path) -> None:
    piano = load_audio(EXAMPLE, 44100)
    played = sound_card(own_home, two_channels(piano))
    style = ("--style", "flute", "--steps", 0, "--transpose", 0, "--seed", 1, "--device", "cpu")
    code, out, err = stylebox("record", "--live", *style, "--seconds", 3.5, "-o", "live.wav", "--json")
    assert code == 0, err
    report = json.loads(out)
    take, live = report["take"], report["live"]
    assert (report["output"], take["ended_by"], take["overruns"]) == ("live.wav", "seconds", 0)
    assert (report["seed"], report["transpose"]) == (1, 0)
    assert 0.5 < live["latency_seconds"] < 4
    kept, pipeline = load_audio("live.wav", 44100), BasePipeline()
    recorded = load_audio(Path(take["path"]), 44100)
    assert len(kept) == len(recorded)
    whole = pipeline.transfer(recorded, TransferOptions("flute", steps=0, transpose=0, seed=1)).audio
    first, second = (45.0 * pipeline.mel_transform(torch.from_numpy(x))[:, 43:-43] for x in (kept, whole))  # dB
    assert float((first.mean(1) - second.mean(1)).abs().mean()) < 1.0
    assert float((first - second).abs().mean()) < 1.0
    on_the_card = np.fromfile(played, "<f4").reshape(-1, 2)[:, 0]
    assert aligned_correlation(kept, on_the_card) > 0.99


@needs_portaudio
def test_devices_are_listed_and_found(own_home: Path) -> None:
    sound_card(own_home, two_channels(music(1.0, 44100)))
    (device,) = json.loads(stylebox("record", "--list-devices", "--json").out)
    assert (device["name"], device["sample_rate"], device["default"]) == ("default", 44100, True)
    (own_home.parent / ".asoundrc").write_text("pcm.!default { type null_and_void }")
    missing = stylebox("record")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err == "stylebox: the system has no microphone or other input; plug one in and try again\n"


@pytest.mark.parametrize(
    ("platform", "tools", "command"),
    [
        ("darwin", (), "brew install portaudio"),
        ("linux", ("apt-get",), "sudo apt install libportaudio2"),
        ("linux", ("dnf",), "sudo dnf install portaudio"),
    ],
)
def test_without_portaudio_one_line_names_the_package_to_install(
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


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    fake = FakePortAudio()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_overruns_are_measured_on_the_devices_clock(portaudio: FakePortAudio) -> None:
    received: list[tuple[float, bool, float]] = []
    stream = open_input(None, channel=3)
    stream.start(lambda block, overrun, lost: received.append((round(float(block[0, 0]), 6), overrun, round(lost, 6))))
    portaudio.send(0.1, began=5.0, overflow=True)  # lost before the start
    portaudio.send(0.2, began=5.05)
    portaudio.send(0.3, began=5.4, overflow=True)  # 0.3 s late
    stream.close()
    stream.close()
    assert (stream.channels, portaudio.opened) == (1, 3)
    assert received == [(0.3, False, 0.0), (0.6, False, 0.0), (0.9, True, 0.3)]


def test_blocks_do_not_change_after_delivery(portaudio: FakePortAudio) -> None:
    received: list[np.ndarray] = []
    stream = open_input()
    stream.start(lambda block, overrun, lost: received.append(block))
    block = np.ones((50, portaudio.opened), np.float32)
    portaudio.callback(block, 50, SimpleNamespace(inputBufferAdcTime=0.0), SimpleNamespace(input_overflow=False))
    block[:] = 0  # PortAudio uses its buffers again
    assert received[0].shape == (50, 2)
    assert received[0].min() == 1.0


def test_a_device_that_refuses_gives_one_line(
    portaudio: FakePortAudio, run: Callable[..., CommandResult], own_home: Path
) -> None:
    portaudio.refusal = "Error opening InputStream: Device unavailable [PaErrorCode -9985]"
    code, out, err = run("record")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == (
        "stylebox: fake card: cannot be recorded from (Error opening InputStream: Device unavailable); "
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
def test_a_wrong_device_or_channel_is_refused_with_the_reason(
    device: str, reason: str, portaudio: FakePortAudio, run: Callable[..., CommandResult]
) -> None:
    message = f"stylebox: audio device '{device}': {reason}; `stylebox record --list-devices` lists the audio inputs\n"
    assert run("record", "--input", device) == CommandResult(1, "", message)
    assert run("record", "--channel", 5) == CommandResult(
        1, "", "stylebox: fake card: has no channel 5, only 4; choose another\n"
    )


@pytest.mark.parametrize(
    "options",
    [
        ("--live",),
        ("--look-ahead", 1),
        ("--live", "--style", "harp", "--play"),
        ("--live", "--style", "harp", "-o", "-"),
        ("--live", "--style", "harp", "--midi", "n.mid"),
    ],
)
def test_options_that_do_not_go_with_live_are_refused(
    options: tuple[object, ...], portaudio: FakePortAudio, run: Callable[..., CommandResult], own_home: Path
) -> None:
    assert run("record", *options).code == 2
    assert takes(own_home) == []


def test_the_list_of_inputs_is_empty_without_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = SimpleNamespace(query_hostapis=tuple, query_devices=tuple, default=SimpleNamespace(device=[-1, -1]))
    monkeypatch.setattr(sound_card_module, "portaudio", lambda: bare)
    assert list_inputs() == []
