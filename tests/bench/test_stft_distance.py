"""The multi-resolution STFT distance: zero for equal audio, growing with the difference, known for a halved level."""

import math
from importlib import import_module

import pytest
import torch
from torch import Tensor

pytest.importorskip("bench")
multi_resolution_stft_distance = import_module("bench.stft_distance").multi_resolution_stft_distance


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_distance_is_zero_for_the_same_audio_and_grows_with_difference() -> None:
    audio = 0.1 * noise(2, 8000)
    assert multi_resolution_stft_distance(audio, audio) == 0
    near = multi_resolution_stft_distance(audio + 0.001 * noise(2, 8000, seed=1), audio)
    far = multi_resolution_stft_distance(audio + 0.1 * noise(2, 8000, seed=1), audio)
    assert 0 < near < far
    halved = multi_resolution_stft_distance(audio / 2, audio, [(1024, 256, 1024)])
    assert halved.item() == pytest.approx(0.5 + math.log(2), rel=0.01)  # convergence + log magnitude


def test_the_distance_has_a_gradient_in_silence() -> None:
    audio = torch.zeros(1, 4096).requires_grad_()
    multi_resolution_stft_distance(audio, torch.zeros(1, 4096)).backward()
    assert audio.grad is not None
    assert audio.grad.isfinite().all()
