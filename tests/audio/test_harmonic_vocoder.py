"""Mel to audio with the notes known: pitch, level, silence, and better than Griffin-Lim where it should be."""

import numpy as np
import pytest
import torch
from support.models import PARTIALS, SAMPLE_RATE, tones

from stylebox.core.audio.griffin_lim import griffin_lim
from stylebox.core.audio.harmonic_vocoder import harmonic_inversion, partial_combs
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.config import MelConfig
from stylebox.core.music.notes import LOWEST_KEY, Note, key_hz, piano_roll

CONFIG = MelConfig()


def heard(notes: list[Note], seconds: float = 2.0) -> tuple[np.ndarray, torch.Tensor, torch.Tensor]:
    """Audio of notes, its mel, and which keys sound."""
    audio = tones(notes, seconds, PARTIALS["string"])
    mel = MelSpectrogram(CONFIG)(torch.from_numpy(audio))
    frame, _ = piano_roll(notes, mel.shape[1], CONFIG.frames_per_second)
    return audio, mel, torch.from_numpy(frame.T)


def spectral_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Log-spectral distance in dB with a long window, where pitch shows."""
    window = torch.hann_window(8192)

    def level(x: np.ndarray) -> torch.Tensor:
        spectrum = torch.stft(torch.from_numpy(x.astype(np.float32)), 8192, 2048, window=window, return_complex=True)
        return 20 * torch.log10(spectrum.abs() + 1e-2)

    return float((level(a) - level(b)).abs().mean())


@pytest.mark.parametrize("pitch", [40, 52, 69, 88])
def test_a_note_keeps_its_pitch(pitch: int) -> None:
    audio, mel, frame = heard([Note(0.0, 2.0, pitch, 0.9)])
    made = harmonic_inversion(mel, frame, CONFIG, len(audio)).numpy()
    f0 = key_hz(pitch)
    spectrum = np.abs(np.fft.rfft(made * np.hanning(len(made)), 1 << 18))
    hz = np.arange(len(spectrum)) * SAMPLE_RATE / (1 << 18)
    cents = []
    for h in (2, 3, 4, 5):  # what a low note's pitch is heard by
        near = (hz > f0 * (h - 0.3)) & (hz < f0 * (h + 0.3))
        cents.append(1200 * np.log2(hz[near][spectrum[near].argmax()] / (h * f0)))
    assert abs(np.median(cents)) < 15


def test_level_and_length_stay() -> None:
    audio, mel, frame = heard([Note(0.0, 1.9, 60, 0.9), Note(0.0, 1.9, 64, 0.9)])
    made = harmonic_inversion(mel, frame, CONFIG, len(audio)).numpy()
    assert made.shape == audio.shape
    assert abs(10 * np.log10((made**2).mean() / (audio**2).mean())) < 1.5


def test_closer_to_a_chord_than_griffin_lim() -> None:
    audio, mel, frame = heard([Note(0.0, 1.9, p, 0.9) for p in (60, 64, 67)])
    ours = harmonic_inversion(mel, frame, CONFIG, len(audio)).numpy()
    theirs = griffin_lim(mel, CONFIG, len(audio)).numpy()
    assert spectral_distance(ours, audio) < 0.85 * spectral_distance(theirs, audio)


def test_silence_gives_silence() -> None:
    mel, frame = torch.full((CONFIG.n_mels, 40), -1.0), torch.ones(88, 40)
    assert harmonic_inversion(mel, frame, CONFIG, 20000).abs().max() < 1e-6


def test_combs_have_their_teeth_where_the_partials_are() -> None:
    comb = partial_combs(CONFIG.sample_rate, CONFIG.n_fft)[69 - LOWEST_KEY]
    bins = [round(440 * h * CONFIG.n_fft / SAMPLE_RATE) for h in (1, 5, 10)]
    assert all(comb[b] > 0.7 for b in bins)
    assert all(comb[b + 10] < 0.01 for b in bins)
