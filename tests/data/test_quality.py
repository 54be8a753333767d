"""What `stylebox build` warns of: clipping, dead channels, speech, the same recording twice; and that music is none."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from support.recordings import SAMPLE_RATE, melody

from stylebox.core.audio.io.read import load_audio
from stylebox.core.audio.io.write import write_audio
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import mel_in_blocks
from stylebox.core.config import MelConfig
from stylebox.core.data.build import build
from stylebox.core.data.quality.duplicates import find_alike
from stylebox.core.data.quality.solo_detector import SUSPICIOUS, multi_instrument_probability, shipped_solo_detector
from stylebox.core.data.quality.speech import spoken_stretches
from stylebox.core.music.notes import Note

BEAT = ((36, 0.0), (38, 0.25), (42, 0.0), (42, 0.125), (42, 0.25), (42, 0.375))  # key of the drum, seconds


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As in `build`. Other tests of this process get all threads again: the last bits of a training depend on them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    """Something like it: a voice that glides from syllable to syllable, vowels that change, hiss between."""
    generator = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    hz, harmonics = 200.0, np.arange(1, 20)
    while sum(map(len, parts)) < seconds * SAMPLE_RATE:
        size = int(generator.uniform(0.1, 0.2) * SAMPLE_RATE)
        goal = hz * float(generator.uniform(1.4, 2.0)) * (1 if hz < 240 else 0.4)
        phase = np.cumsum(np.geomspace(hz, goal, size) / SAMPLE_RATE)
        formants = generator.uniform((250, 800), (800, 2300))
        level = sum(np.exp(-(((harmonics * 275 - formant) / 150) ** 2)) for formant in formants)
        syllable = (level[:, None] * np.sin(2 * np.pi * harmonics[:, None] * phase)).sum(axis=0)
        parts += [syllable * np.hanning(size), generator.normal(0, 0.1, int(generator.uniform(0, 0.1) * SAMPLE_RATE))]
        hz = goal
    return (np.concatenate(parts)[: round(seconds * SAMPLE_RATE)] * 0.2).astype(np.float32)


def vibrato(seconds: float, cents: float = 30.0) -> np.ndarray:
    """A singing tone that changes every half second."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    steps = np.random.default_rng(5).integers(0, 24, int(seconds * 2) + 1)[(t * 2).astype(int)]
    hz = 220 * 2 ** (steps / 12 + cents / 1200 * np.sin(2 * np.pi * 5.5 * t))
    phase = np.cumsum(hz) / SAMPLE_RATE
    partials: np.ndarray = np.sum([np.sin(2 * np.pi * h * phase) / h for h in range(1, 8)], axis=0)
    return (0.1 * partials).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_speech_is_detected_and_where(seed: int) -> None:
    assert spoken_stretches(speech(21, seed), SAMPLE_RATE) == [pytest.approx((0, 20), abs=0.3)]
    announced = np.concatenate([speech(10.5, seed), melody(20, seed)])
    assert spoken_stretches(announced, SAMPLE_RATE) == [pytest.approx((0, 10), abs=0.3)]


@pytest.mark.parametrize(
    "audio",
    [melody(20, 1), vibrato(20), np.zeros(SAMPLE_RATE * 20, np.float32), melody(3, 1), np.zeros(0, np.float32)],
    ids=["notes", "vibrato", "silence", "short", "nothing"],
)
def test_music_and_silence_are_not_speech(audio: np.ndarray) -> None:
    assert spoken_stretches(audio, SAMPLE_RATE) == []


def drums(seconds: float, seed: int = 0) -> np.ndarray:
    """Something like them: a falling thump, bursts of hiss between, two hits a second of each."""
    generator = np.random.default_rng(seed)
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    since = t % 0.5
    kick = np.sin(2 * np.pi * 9 * (1 - np.exp(-18 * since))) * np.exp(-14 * since)
    hiss = np.diff(generator.normal(0, 1, len(t) + 1))
    snare = generator.normal(0, 1, len(t)) * np.exp(-16 * ((t + 0.25) % 0.5))
    hat = hiss * np.exp(-50 * (t % 0.125))
    return (0.5 * kick + 0.12 * snare + 0.08 * hat).astype(np.float32)


def several(audio: np.ndarray) -> float:
    return multi_instrument_probability(shipped_solo_detector(), normalise_loudness(audio, SAMPLE_RATE)[0], SAMPLE_RATE)


@pytest.mark.parametrize("seed", range(3))
def test_a_band_is_detected_and_one_instrument_is_not(seed: int) -> None:
    alone = melody(20, seed)
    assert several(alone) < SUSPICIOUS < several(alone / np.abs(alone).max() + drums(20, seed))


@pytest.mark.parametrize(
    "audio", [vibrato(20), np.zeros(SAMPLE_RATE * 20, np.float32), melody(1, 1)], ids=["vibrato", "silence", "short"]
)
def test_nothing_is_no_band(audio: np.ndarray) -> None:
    assert several(audio) < SUSPICIOUS


@pytest.mark.parametrize("program", [0, 24, 40, 46, 73], ids=["piano", "guitar", "violin", "harp", "flute"])
def test_a_rendered_band_is_detected_and_its_soloist_is_not(program: int) -> None:
    """By a SoundFont that the network was not trained with."""
    from stylebox.core.sources.render.soundfont import find_soundfonts, synthesise

    fonts = [font for font in find_soundfonts() if "TimGM6mb" in font.name]
    if not fonts:
        pytest.skip("no TimGM6mb here (apt install timgm6mb-soundfont)")
    generator = np.random.default_rng(program)
    starts = np.arange(0.0, 11.5, 0.5)
    solo = [Note(start, start + 0.45, int(generator.integers(60, 80)), 0.8) for start in starts]
    beat = [Note(start + shift, start + shift + 0.1, key, 0.8) for start in starts for key, shift in BEAT]
    played = synthesise(solo, fonts[0], program, 12.0)
    beaten = synthesise(beat, fonts[0], 0, 12.0, bank=128)
    assert several(played) < SUSPICIOUS < several(played / np.abs(played).max() + beaten / np.abs(beaten).max())


def mel(audio: np.ndarray) -> np.ndarray:
    return mel_in_blocks(normalise_loudness(audio, SAMPLE_RATE)[0], MelConfig())


def test_the_same_recording_is_known_again(tmp_path: Path) -> None:
    audio = melody(12, 1)
    write_audio(tmp_path / "a.mp3", audio * np.float32(0.3), SAMPLE_RATE)
    others = {
        "another": melody(12, 2),
        "as MP3, softer": load_audio(tmp_path / "a.mp3"),
        "cut": audio[20_011:-30_000],
        "with noise": audio + np.random.default_rng(0).normal(0, 3e-4, len(audio)).astype(np.float32),
        "one more": melody(12, 3),
        "silence": np.zeros(SAMPLE_RATE * 12, np.float32),
        "silence again": np.zeros(SAMPLE_RATE * 12, np.float32),
        "short": audio[: SAMPLE_RATE // 2],
    }
    pairs = find_alike([mel(audio), *map(mel, others.values())])
    names = list(others)
    assert {names[later - 1] for _, later in pairs} == {"as MP3, softer", "cut", "with noise"}
    assert find_alike([]) == []


def test_the_same_notes_played_otherwise_are_not_the_same() -> None:
    generator = np.random.default_rng(0)
    pitches = generator.integers(0, 24, 24)

    def played(decay: float, odd: bool, beat: float) -> np.ndarray:
        t = np.arange(int(beat * SAMPLE_RATE)) / SAMPLE_RATE
        partials = range(1, 9, 2 if odd else 1)
        notes = [
            sum(np.sin(2 * np.pi * 220 * 2 ** (p / 12) * h * t) / h for h in partials) * np.exp(-decay * t)
            for p in pitches
        ]
        return (np.concatenate(notes) * 0.2).astype(np.float32)

    assert find_alike([mel(played(4, False, 0.5)), mel(played(1, True, 0.5)), mel(played(4, False, 0.53))]) == []


def test_a_build_warns_and_goes_on(tmp_path: Path) -> None:
    sources = tmp_path / "sources" / "piano"
    sources.mkdir(parents=True)
    good = melody(12, 1)

    def write(name: str, *channels: np.ndarray) -> None:
        soundfile.write(sources / name, np.stack(channels, axis=1), SAMPLE_RATE)

    silent = np.zeros_like(good)
    write("a good.wav", good)
    write("b left.wav", melody(4, 2), silent[: 4 * SAMPLE_RATE])
    write("c inverse.wav", melody(4, 3), -melody(4, 3) * 0.8)
    write("d clipped.wav", melody(4, 4), np.clip(melody(4, 4) * 20, -1, 1))
    write("e wide.wav", melody(4, 5), melody(4, 6))
    write("f talk.wav", speech(12))
    write_audio(sources / "g again.mp3", good * np.float32(0.5), SAMPLE_RATE)
    write("h nothing.wav", melody(4, 7), -melody(4, 7))
    write("i band.wav", (good + drums(12)) * 0.3)
    report = build(tmp_path / "sources", tmp_path / "dataset", jobs=1)
    (left_out,) = report.skipped
    assert re.search(
        r"h nothing\.wav: is silent; its channels cancel each other: mixed to one, \d+ dB are lost$", left_out.reason
    )
    warned = {Path(line.split(": ")[0]).name: line.split(": ", 1)[1] for line in report.warnings}
    assert len(report.warnings) == 6
    assert warned["b left.wav"] == "its channel right is silent"
    assert warned["c inverse.wav"] == "its channels cancel each other: mixed to one, 19 dB are lost"
    assert "of its samples are clipped" in warned["d clipped.wav"]
    assert warned["f talk.wav"] == "no pitch holds still from 0:00 to 0:10: speech, or noise?"
    assert warned["g again.mp3"] == "sounds the same as piano/a good.wav; delete one of them"
    assert warned["i band.wav"] == "sounds like several instruments, or like one with drums"
    assert build(tmp_path / "sources", tmp_path / "dataset", jobs=1).warnings == report.warnings
