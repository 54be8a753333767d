"""The parts alone: a recording's own mel made audible again, and how far that is from the recording.

Notes by Basic Pitch, and the multi-resolution STFT distance at 44.1 kHz. Its noise is the recording 5 ms later.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch

from bench import comparisons as compare
from bench.excerpts import RATE, Recording, later, read, write
from bench.judges import Judges, timed
from bench.stft_distance import multi_resolution_stft_distance
from bench.store import digest
from bench.systems import own_identity
from stylebox.core.audio.griffin_lim import griffin_lim
from stylebox.core.audio.loudness import normalise_loudness

VOCODER, AUTOENCODER = "our vocoder", "our autoencoder, then our vocoder"
GRIFFIN_LIM, NOISE = "Griffin-Lim, 32 iterations", "the recording, 5 ms later"
WAYS = (VOCODER, AUTOENCODER, GRIFFIN_LIM, NOISE)


class Vocoders:
    """Ways from a mel to sound.

    Args:
        folder: For their outputs.
        judges: Find the notes of a recording and its copy.
    """

    def __init__(self, folder: Path, judges: Judges) -> None:
        self.folder, self.judges = folder, judges

    def figures(self, given: Recording, way: str) -> compare.Figures:
        """Note F1 (50 and 100 ms) and STFT distance of a recording and its copy.

        Args:
            given: The recording.
            way: One of `WAYS`.
        """
        path = self._copied(given, way)

        def measure() -> float:
            copy, true = (torch.from_numpy(_levelled(each))[None] for each in (path, given.path))
            return float(multi_resolution_stft_distance(copy, true))

        distance = self.judges.store.kept("stft_distance", digest(given.path, path), measure)
        wanted, found = (timed(self.judges.basic_pitch(each).notes) for each in (given.path, path))
        return {
            "f1_50": compare.note_f1(wanted, found, 0.05),
            "f1_100": compare.note_f1(wanted, found, 0.1),
            "stft": distance,
        }

    def _copied(self, given: Recording, way: str) -> Path:
        if way == NOISE:
            return later(given, self.folder).path
        key = digest(given.path, own_identity(), way)
        path = self.folder / "vocoders" / f"{given.name}-{key[:8]}.flac"
        if not path.is_file():
            write(path, self._copy(_levelled(given.path), way), RATE)
        return path

    @torch.no_grad()
    def _copy(self, audio: np.ndarray, way: str) -> np.ndarray:
        """A recording by its mel, ``(S,)`` -> ``(S,)``."""
        pipeline = self._pipeline
        mel = pipeline.mel_transform(torch.from_numpy(audio))
        if way == GRIFFIN_LIM:
            return griffin_lim(mel, pipeline.mel_config, len(audio)).numpy()
        made: np.ndarray = pipeline.resynthesise(audio, pipeline.autoencode(mel) if way == AUTOENCODER else mel)
        return made

    @cached_property
    def _pipeline(self) -> Any:  # noqa: ANN401  # `BasePipeline`, imported when first used
        from stylebox.core.pipeline.pipeline import BasePipeline

        return BasePipeline()


def _levelled(path: Path) -> np.ndarray:
    """A recording at `RATE` and the common loudness, ``(S,)``."""
    audio, rate = read(path)
    resampled = audio if rate == RATE else soxr.resample(audio, rate, RATE)
    return np.asarray(normalise_loudness(resampled, RATE)[0], np.float32)
