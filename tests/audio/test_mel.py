"""The mel front end against librosa and against physics."""

import librosa
import numpy as np
import pytest
import torch

from stylebox.core.audio.dynamics import dynamics
from stylebox.core.audio.griffin_lim import griffin_lim
from stylebox.core.audio.log_spectrogram import LogSpectrogram
from stylebox.core.audio.mel import MelSpectrogram, mel_to_db, mel_to_power, mel_to_uint8, uint8_to_mel
from stylebox.core.config import MelConfig
from stylebox.core.music.notes import key_hz

CONFIG = MelConfig()


def sine(hz: float, seconds: float = 1.0, level: float = 0.3) -> torch.Tensor:
    t = torch.arange(int(seconds * CONFIG.sample_rate)) / CONFIG.sample_rate
    return level * torch.sin(2 * torch.pi * hz * t)


def chord(seconds: float = 2.0) -> torch.Tensor:
    return sum((sine(hz, seconds, 0.08) for hz in (220, 277.2, 329.6, 440, 880)), torch.zeros(()))


def test_equals_librosa() -> None:
    audio = torch.randn(2, 30000, generator=torch.Generator().manual_seed(0)) * 0.1
    ours = MelSpectrogram(CONFIG).power(audio)
    theirs = librosa.feature.melspectrogram(
        y=audio.numpy(),
        sr=CONFIG.sample_rate,
        n_fft=CONFIG.n_fft,
        hop_length=CONFIG.hop_length,
        n_mels=CONFIG.n_mels,
        pad_mode="constant",
    )
    assert ours.shape[-1] == 1 + 30000 // CONFIG.hop_length
    assert np.abs(ours.numpy() - theirs).max() < 1e-5 * theirs.max()


def test_the_range_is_decibels_and_absolute() -> None:
    mel_transform = MelSpectrogram(CONFIG)
    audio = chord()
    louder, softer = mel_transform(audio), mel_transform(audio * 0.1)
    inside = (softer > -0.99) & (louder < 0.99)
    difference = (mel_to_db(louder, CONFIG) - mel_to_db(softer, CONFIG))[inside]
    assert torch.allclose(difference, torch.tensor(20.0), atol=1e-2)


def test_silence_is_the_floor_and_comes_back_as_nothing() -> None:
    mel = MelSpectrogram(CONFIG)(torch.zeros(8192))
    assert (mel == -1).all()
    assert (mel_to_power(mel, CONFIG) == 0).all()
    assert griffin_lim(mel, CONFIG, 8192).abs().max() < 1e-6


def test_eight_bits_cost_less_than_a_fifth_of_a_decibel() -> None:
    mel = MelSpectrogram(CONFIG)(chord())
    error_db = (mel_to_db(uint8_to_mel(mel_to_uint8(mel)), CONFIG) - mel_to_db(mel, CONFIG)).abs().max()
    assert error_db <= 90 / 255 / 2 + 1e-4


def test_round_trip_keeps_level_within_a_decibel() -> None:
    mel_transform = MelSpectrogram(CONFIG)
    audio = chord()
    back = griffin_lim(mel_transform(audio), CONFIG, len(audio))
    assert back.shape == audio.shape
    level = 10 * torch.log10(back.square().mean() / audio.square().mean())
    assert abs(float(level)) < 1.0


@pytest.mark.parametrize("hz", [220.0, 880.0, 3520.0])
def test_a_tone_keeps_its_pitch_through_the_round_trip(hz: float) -> None:
    back = griffin_lim(MelSpectrogram(CONFIG)(sine(hz)), CONFIG, CONFIG.sample_rate)
    peak = float(torch.fft.rfft(back * torch.hann_window(len(back))).abs().argmax())
    band = 1.06 if hz < 1000 else 1.09  # a mel band is about that wide
    assert hz / band < peak < hz * band


def test_dynamics_follow_the_level_and_know_silence() -> None:
    swell = chord() * torch.linspace(0.05, 1.0, 2 * CONFIG.sample_rate)
    curve = dynamics(MelSpectrogram(CONFIG)(swell)[None], CONFIG)[0]
    assert curve.shape == (1 + len(swell) // CONFIG.hop_length,)
    assert (curve[5:-5].diff() > -0.02).all()
    assert curve[-6] > curve[5] + 0.3
    assert (dynamics(torch.full((1, 128, 20), -1.0), CONFIG) == -1).all()


@pytest.mark.parametrize("key", [33, 57, 69, 93])
def test_a_key_peaks_in_its_own_bins(key: int) -> None:
    spectrum = LogSpectrogram(CONFIG.sample_rate, CONFIG.hop_length, (8192,), 3)
    seen = spectrum(sine(key_hz(key))[None])[0, 0]
    peak = int(seen[:, seen.shape[1] // 2].argmax())
    assert peak // 3 == key - 21
