"""Long recordings are played in parts: no seam can be heard, not even in the attack of a struck note."""

from pathlib import Path

import numpy as np
import pytest

from stylebox.core.audio.energy import HOPS_PER_SECOND, measure_energy
from stylebox.core.audio.io.read import load_audio
from stylebox.core.pipeline import player
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.pipeline.pipeline import BasePipeline

PIANO = Path(__file__).parents[2] / "examples" / "piano.flac"
RATE, HOP = 44100, 512
PART_FRAMES = 160  # 1.9 s, a multiple of all strides
LEAD = 7938  # samples of silence: then a seam lies in an attack


def spectral_flux(audio: np.ndarray) -> np.ndarray:
    """How much the spectrum rises from frame to frame, relative to its level."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, 1024)[::256]
    level = np.log10(np.abs(np.fft.rfft(frames * np.hanning(1024))) + 1e-3)
    rise: np.ndarray = np.maximum(np.diff(level, axis=0), 0).mean(1)
    return rise


@pytest.mark.parametrize("style", ["piano", "violin"])
def test_parts_sound_as_the_whole_does(style: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, options = BasePipeline("base", "cpu"), TransferOptions(style, seed=1, steps=0)
    audio = np.pad(np.tile(load_audio(PIANO, RATE), 2), (LEAD, 0))
    whole = model.transfer(audio, options)
    monkeypatch.setattr(player, "PART_FRAMES", PART_FRAMES)
    parts = model.transfer(audio, options)
    assert len(parts.audio) == len(whole.audio)
    assert not np.array_equal(parts.audio, whole.audio)

    places = np.arange(PART_FRAMES * HOP, len(audio), PART_FRAMES * HOP) / RATE
    onsets = np.array([note.start_seconds for note in whole.notes])
    assert min(np.abs(onsets - place).min() for place in places) < 0.01  # a seam lies in an attack
    loud, quiet = (measure_energy(result.audio, RATE).squares[:, 0] for result in (parts, whole))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(quiet, 2), 5).max(1)
    masked = 1e-5 * quiet.max() + 0.01 * around  # 20 dB below what sounds within 25 ms
    change_db = 10 * np.log10((loud + masked) / (quiet + masked))
    changed, was = spectral_flux(parts.audio), spectral_flux(whole.audio)
    for place in places:
        hop, frame = round(place * HOPS_PER_SECOND), round(place * RATE / 256)
        # The most of all seams is 0.62 dB with PyTorch 2.13 and 1.08 dB with 2.4, each at another seam of the violin.
        assert np.abs(change_db[hop - 6 : hop + 7]).max() < 1.2
        assert changed[frame - 8 : frame + 9].max() < 1.1 * was[frame - 8 : frame + 9].max() + 0.02


def test_a_seam_would_be_found() -> None:
    """The measures above see what a bare cut between two versions leaves."""
    time = np.arange(2 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 220 * time)
    cut = np.concatenate([tone[:RATE], -tone[RATE:] * 1.2])
    frame = RATE // 256
    assert (
        spectral_flux(cut)[frame - 8 : frame + 9].max() > 1.1 * spectral_flux(tone)[frame - 8 : frame + 9].max() + 0.02
    )
    loud, quiet = (measure_energy(sound, RATE).squares[:, 0] for sound in (cut, tone))
    assert np.abs(10 * np.log10(loud / quiet))[HOPS_PER_SECOND - 6 : HOPS_PER_SECOND + 7].max() > 1.0
