"""The vocoder before and after training: pitch, silence, length, and windows that equal the whole."""

import numpy as np
import pytest
import torch
from librosa import mel_frequencies
from support.models import PARTIALS, SAMPLE_RATE, melody, tones

from stylebox.core.audio.mel import MelSpectrogram, db_per_unit
from stylebox.core.audio.phase import magnitude_to_audio
from stylebox.core.config import MelConfig, VocoderConfig
from stylebox.core.models.vocoder import FLOOR, Vocoder
from stylebox.core.music.notes import Note, key_hz, piano_roll
from stylebox.core.pipeline import vocode as vocode_room
from stylebox.core.pipeline.vocode import mel_to_spectrum

MEL = MelConfig()


def heard(notes: list[Note], seconds: float) -> tuple[np.ndarray, torch.Tensor, torch.Tensor]:
    """Audio of notes, its mel, and which keys sound."""
    audio = tones(notes, seconds, PARTIALS["string"])
    mel = MelSpectrogram(MEL)(torch.from_numpy(audio))
    frame, _ = piano_roll(notes, mel.shape[1], MEL.frames_per_second)
    return audio, mel, torch.from_numpy(frame.T)


def vocode(vocoder: Vocoder, mel: torch.Tensor, frame: torch.Tensor, num_samples: int) -> torch.Tensor:
    """The sound of the mel of a recording."""
    magnitude = mel_to_spectrum(vocoder, mel, frame)[:, : 1 + num_samples // vocoder.hop_length]
    return magnitude_to_audio(magnitude, vocoder.n_fft, vocoder.hop_length, num_samples, steps=4)


@pytest.fixture
def vocoder() -> Vocoder:
    torch.manual_seed(0)
    return Vocoder(VocoderConfig(dim=32, intermediate_dim=64, num_layers=2, channels=8, num_blocks=1), MEL).eval()


@pytest.fixture
def moved(vocoder: Vocoder) -> Vocoder:
    """One whose networks do something: untrained, they start from nothing."""
    with torch.no_grad():
        for layer in (vocoder.coarse, vocoder.fine):
            layer.weight.normal_(std=0.05)
    return vocoder


@pytest.mark.parametrize("pitch", [40, 52, 69, 88])
def test_its_first_guess_keeps_the_pitch(vocoder: Vocoder, pitch: int) -> None:
    audio, mel, frame = heard([Note(0.0, 2.0, pitch, 0.9)], 2.0)
    made = vocode(vocoder, mel, frame, len(audio)).numpy()
    assert made.shape == audio.shape
    f0 = key_hz(pitch)
    spectrum = np.abs(np.fft.rfft(made * np.hanning(len(made)), 1 << 18))
    hz = np.arange(len(spectrum)) * SAMPLE_RATE / (1 << 18)
    cents = []
    for h in (2, 3, 4, 5):  # what a low note's pitch is heard by
        near = (hz > f0 * (h - 0.3)) & (hz < f0 * (h + 0.3))
        cents.append(1200 * np.log2(hz[near][spectrum[near].argmax()] / (h * f0)))
    assert abs(np.median(cents)) < 15


def test_silence_is_exactly_silent(moved: Vocoder) -> None:
    mel, frame = torch.full((MEL.n_mels, 40), -1.0), torch.rand(88, 40)
    assert torch.equal(moved(mel[None], frame[None]), torch.full((1, moved.n_fft // 2 + 1, 80), FLOOR))
    assert not vocode(moved, mel, frame, 20_000).any()


def test_bands_without_sound_are_silent(moved: Vocoder) -> None:
    """Nothing in the upper bands of the mel: nothing there in the sound, whatever the networks would draw."""
    _, mel, frame = heard([Note(0.0, 1.0, 69, 0.9)], 1.0)
    mel[96:] = -1.0
    with torch.no_grad():
        level = moved(mel[None], frame[None])[0]
    edge = round(float(mel_frequencies(MEL.n_mels + 2, fmin=0, fmax=SAMPLE_RATE / 2)[98]) / SAMPLE_RATE * moved.n_fft)
    assert (level[edge:] == FLOOR).all()
    assert (level[: edge // 2] > FLOOR).any()


def test_what_it_draws_lies_where_the_notes_are(vocoder: Vocoder) -> None:
    """The mel alone can't tell which of two neighbouring low notes sounds; the notes can."""
    _, mel, frame = heard([Note(0.0, 1.0, 45, 0.9)], 1.0)  # 110 Hz
    level = vocoder(mel[None], frame[None])[0, :, 20:60].mean(1)
    hz_per_bin = SAMPLE_RATE / vocoder.n_fft
    partials, gaps = ([round(110 * (h + between) / hz_per_bin) for h in range(3, 9)] for between in (0, 0.5))
    assert (level[partials].mean() - level[gaps].mean()) * 20 > 10


def test_it_has_the_power_that_the_mel_has(moved: Vocoder) -> None:
    """Whatever the networks draw, its bands stay near those of the mel it was given."""
    audio, mel, frame = heard([Note(0.0, 2.0, 57, 0.9), Note(0.5, 2.0, 64, 0.9)], 2.0)
    made = vocode(moved, mel, frame, len(audio))
    loud = mel > -0.3
    assert float((MelSpectrogram(MEL)(made) - mel)[loud].abs().mean()) * db_per_unit(MEL) < 3.0


def test_windows_equal_the_whole(moved: Vocoder, monkeypatch: pytest.MonkeyPatch) -> None:
    audio, mel, frame = heard(melody(4, 7.0), 7.0)
    whole = vocode(moved, mel, frame, len(audio))
    monkeypatch.setattr(vocode_room, "_WINDOW_FRAMES", 64)
    cut = vocode(moved, mel, frame, len(audio))
    assert (whole - cut).abs().max() < 1e-3 * whole.abs().max()


def test_a_batch_is_its_members(moved: Vocoder) -> None:
    mel, frame = torch.rand(3, MEL.n_mels, 21) * 2 - 1, torch.rand(3, 88, 21)
    together = moved(mel, frame)
    assert together.shape == (3, moved.n_fft // 2 + 1, 42)
    alone = torch.cat([moved(mel[i : i + 1], frame[i : i + 1]) for i in range(3)])
    assert torch.allclose(together, alone, atol=1e-5)
