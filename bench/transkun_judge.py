"""An external judge of pianos: Transkun finds the notes of a recording of a piano. It judges here and ships nowhere.

Reference:
    Yan and Duan (2024), Scoring time intervals using non-hierarchical transformer for automatic piano transcription,
    ISMIR. MIT; it was trained on MAESTRO, whose licence is not commercial.
"""

import json
import sys
import types
from importlib import import_module
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch

PACKAGE = "transkun==2.0.1"
RATE = 44100  # Hz
SEGMENT_SECONDS = 16.0  # what it transcribes at once; excerpts of the bench fit into one


class Transkun:
    """The network with the weights of its wheel.

    Args:
        packages: Has the folder ``transkun``, a target of ``pip install --no-deps``, with ``ncls`` beside it.
    """

    def __init__(self, packages: Path) -> None:
        folder = packages / "transkun"
        sys.path.append(str(folder))
        stand_in: Any = types.ModuleType("torchaudio")  # it needs one function of it, which librosa has as well
        stand_in.functional = types.SimpleNamespace(melscale_fbanks=_mel_bands)
        sys.modules.setdefault("torchaudio", stand_in)
        transkun = import_module("transkun.ModelTransformer")
        sizes = json.loads((folder / "transkun/pretrained/2.0.conf").read_text())["Model"]["config"]
        config = transkun.ModelConfig()
        vars(config).update(sizes)
        self._model = transkun.TransKun(conf=config).eval()
        weights = torch.load(folder / "transkun/pretrained/2.0.pt", map_location="cpu", weights_only=True)
        self._model.load_state_dict(weights["state_dict"], strict=False)

    @torch.no_grad()
    def transcribe(self, audio: np.ndarray) -> list[tuple[float, float, int, float]]:
        """Notes as (from, to, MIDI number, velocity in (0, 1]), by time.

        Shape:
            audio at 44.1 kHz ``(S,)``.
        """
        given = torch.from_numpy(np.ascontiguousarray(audio, np.float32))[:, None]
        found = self._model.transcribe(given, stepInSecond=SEGMENT_SECONDS, segmentSizeInSecond=SEGMENT_SECONDS)
        notes = [n for n in found if n.pitch > 0]  # else pedals
        return sorted((float(n.start), float(n.end), int(n.pitch), max(1, int(n.velocity)) / 127) for n in notes)


def _mel_bands(n_freqs: int, f_min: float, f_max: float, n_mels: int, sample_rate: int) -> torch.Tensor:
    """`torchaudio.functional.melscale_fbanks` at its defaults, ``(n_freqs, n_mels)``."""
    bands = librosa.filters.mel(
        sr=sample_rate, n_fft=2 * (n_freqs - 1), n_mels=n_mels, fmin=f_min, fmax=f_max, htk=True, norm=None
    )
    return torch.from_numpy(bands.T.copy())
