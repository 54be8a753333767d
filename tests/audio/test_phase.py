"""Phases for magnitudes: a tone goes on, an attack stays in its place, and what has no peaks is noise."""

import itertools

import numpy as np
import pytest
import torch

from stylebox.core.audio import phase
from stylebox.core.audio.phase import AudioStream, Phases, magnitude_to_audio

RATE, N_FFT, HOP = 22050, 1536, 256
WINDOW = torch.hann_window(N_FFT)


def spectrum_of(audio: np.ndarray) -> torch.Tensor:
    signal = torch.from_numpy(audio.astype(np.float32))
    return torch.stft(signal, N_FFT, HOP, window=WINDOW, pad_mode="constant", return_complex=True)


def phased(magnitude: np.ndarray) -> np.ndarray:
    """All of a spectrum, ``(F, T)``."""
    phases = Phases(N_FFT, HOP)
    return torch.cat([phases.push(torch.from_numpy(magnitude))[1], phases.push(None)[1]]).T.numpy()


def made(audio: np.ndarray) -> np.ndarray:
    return magnitude_to_audio(spectrum_of(audio).abs(), N_FFT, HOP, len(audio)).numpy()


def test_a_steady_tones_phase_advances_at_its_frequency() -> None:
    hz = 1000.0
    spectrum = spectrum_of(np.sin(2 * np.pi * hz * np.arange(RATE) / RATE))
    phases = np.angle(phased(spectrum.abs().numpy()))
    peak = round(hz * N_FFT / RATE)
    steps = np.diff(phases[peak, 8:70]) - 2 * np.pi * hz * HOP / RATE
    assert np.abs((steps + np.pi) % (2 * np.pi) - np.pi).max() < 0.02


def test_an_attack_does_not_sound_before_it_begins() -> None:
    t = np.arange(RATE) / RATE
    audio = np.where(t >= 0.5, np.exp(-4 * (t - 0.5)), 0.0) * sum(
        np.sin(2 * np.pi * 220 * h * t) / h for h in range(1, 12)
    )
    back = made(audio)
    before = slice(int(0.45 * RATE), int(0.49 * RATE))
    after = slice(int(0.5 * RATE), int(0.54 * RATE))
    assert np.square(back[before]).mean() < 0.002 * np.square(back[after]).mean()


def test_a_flat_spectrum_is_hiss_of_its_level() -> None:
    magnitude = torch.full((N_FFT // 2 + 1, 200), float(WINDOW.square().sum().sqrt()))
    hiss = magnitude_to_audio(magnitude, N_FFT, HOP, 199 * HOP).numpy()[N_FFT:-N_FFT]
    level_db = 10 * np.log10(np.square(hiss).mean())
    assert -0.8 < level_db < 0.2  # of white noise whose power is 1; the swings that the step takes away are worth 0.6
    power = np.abs(np.fft.rfft(hiss)) ** 2
    flatness = np.exp(np.log(power + 1e-12).mean()) / power.mean()
    assert flatness > 0.5  # white noise has 0.56; a bank of steady tones nearly 0


def test_a_tone_in_hiss_stays_a_tone() -> None:
    noise = np.random.default_rng(3).standard_normal(2 * RATE) * 0.003
    tone = np.sin(2 * np.pi * 660.0 * np.arange(2 * RATE) / RATE)
    back = made(tone + noise)
    inner = slice(RATE // 2, RATE // 2 + RATE)
    power = np.abs(np.fft.rfft(back[inner] * np.hanning(RATE))) ** 2
    assert power[658:663].sum() > 0.99 * power.sum()


def test_same_magnitude_same_phases_and_silence_is_silent() -> None:
    magnitude = np.random.default_rng(0).random((N_FFT // 2 + 1, 600)).astype(np.float32)  # more than one block
    assert np.array_equal(phased(magnitude), phased(magnitude))
    assert not phased(np.zeros_like(magnitude)).any()
    assert not magnitude_to_audio(torch.zeros(N_FFT // 2 + 1, 600), N_FFT, HOP, 599 * HOP).any()


def test_phases_are_those_that_overlapping_frames_agree_on() -> None:
    magnitude = np.random.default_rng(0).random((N_FFT // 2 + 1, 600)).astype(np.float32)
    num_samples = 599 * HOP + 100
    audio = magnitude_to_audio(torch.from_numpy(magnitude), N_FFT, HOP, num_samples)
    first = torch.istft(torch.from_numpy(phased(magnitude)), N_FFT, HOP, window=WINDOW, length=num_samples)
    heard = torch.stft(first, N_FFT, HOP, window=WINDOW, pad_mode="constant", return_complex=True)
    again = torch.from_numpy(magnitude) * torch.exp(1j * heard.angle())
    expected = torch.istft(again, N_FFT, HOP, window=WINDOW, length=num_samples)
    inner = slice(2 * N_FFT, 598 * HOP - 2 * N_FFT)
    torch.testing.assert_close(audio[inner], expected[inner], atol=1e-4, rtol=0)


def test_steps_bring_the_spectrum_nearer_to_what_was_asked() -> None:
    """Griffin & Lim's own claim, which the momentum must not break, on chords whose magnitudes are true."""
    t = np.arange(2 * RATE) / RATE
    chord = np.sum([np.exp(-t) * np.sin(2 * np.pi * hz * t) for hz in (220.0, 277.2, 329.6, 446.0)], axis=0)
    wanted = spectrum_of(chord).abs()
    made = (magnitude_to_audio(wanted, N_FFT, HOP, len(chord), steps).numpy() for steps in range(5))
    inner = slice(6, -6)  # the chord begins and ends abruptly
    off = [float((spectrum_of(audio).abs() - wanted)[:, inner].square().sum()) for audio in made]
    assert off[0] > off[1] > off[2]
    assert max(off[1:]) < 0.75 * off[0]


def test_a_card_computes_the_same_in_fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = np.arange(3 * RATE) / RATE
    vibrato = 440 * seconds + 2 * np.sin(2 * np.pi * 5 * seconds)
    audio = 0.3 * np.sin(2 * np.pi * vibrato) + 0.2 * np.sin(2 * np.pi * 1234 * seconds) * (seconds % 0.4 < 0.2)
    audio += 0.01 * np.random.default_rng(0).standard_normal(len(seconds))
    by_frame = made(audio)
    monkeypatch.setattr(phase, "_is_processor", lambda values: False)
    monkeypatch.setattr(phase, "_CARD_BLOCK_FRAMES", 100)
    assert np.abs(made(audio) - by_frame).max() < 1e-3 * np.abs(by_frame).max()


@pytest.mark.parametrize("steps", [0, 1, 4])
def test_blocks_of_any_size_give_the_audio_of_the_whole(steps: int) -> None:
    magnitude = np.random.default_rng(0).random((N_FFT // 2 + 1, 300)).astype(np.float32)
    whole = magnitude_to_audio(torch.from_numpy(magnitude), N_FFT, HOP, 299 * HOP + N_FFT // 2, steps).numpy()
    stream, made, frames = AudioStream(N_FFT, HOP, steps), [], 0
    for size in itertools.cycle((1, 3, 40)):
        made.append(stream.push(torch.from_numpy(magnitude[:, frames : frames + size])))
        frames += size
        if frames >= 300:
            break
        assert sum(map(len, made)) == max(0, (frames - 1) * HOP - stream.delay)  # one frame is kept back
    made.append(stream.finish())
    np.testing.assert_allclose(torch.cat(made).numpy(), whole, atol=2e-3)
