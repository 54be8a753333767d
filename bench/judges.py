"""Everything that is asked of a single file, kept on disk by the file's contents. Comparisons are in `comparisons`.

The external judges are not among this project's packages; each is loaded when it is first needed.
"""

import sys
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soxr
import torch

from bench import musicnn_tagger as musicnn
from bench import transkun_judge
from bench.basic_pitch import KEYS, BasicPitch
from bench.basic_pitch import RATE as BASIC_PITCH_RATE
from bench.excerpts import RATE, TimedNote, read
from bench.signal_measures import Rise, attack_rises, bandwidth_hz, noisiness, texture_db, treble_share_db
from bench.store import Store, digest
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.evaluation.metrics.instrument import instrument_probabilities
from stylebox.core.models.classifier import Classifier
from stylebox.core.models.content_encoder import ContentEncoder
from stylebox.core.music.notes import Note
from stylebox.core.pipeline.transcribe import find_notes
from stylebox.core.store import library

F0_PACKAGE = "swift-f0==0.3.0"
F0_RATE, F0_CONFIDENCE = 16000, 0.5


class Heard(NamedTuple):
    """What Basic Pitch finds: notes, and the keys that sound in each frame, ``(T, 88)``."""

    notes: list[Note]
    active: np.ndarray


class Tagged(NamedTuple):
    """What the tagger finds: each instrument's share of its belief, and the layer before its tags, ``(W, 200)``."""

    shares: dict[str, float]
    layer: np.ndarray


class Pitch(NamedTuple):
    """The fundamental of one voice in Hz every 16 ms, 0 where there is none."""

    hz: np.ndarray


class Judges:
    """All judges.

    Args:
        folder: For their answers.
        packages: Has ``basic_pitch``, ``musicnn``, ``tf``, ``transkun`` and ``swift_f0``, targets of ``pip install``.
        own: What our content encoder is: its answers are asked for again when it changes.
    """

    def __init__(self, folder: Path, packages: Path, own: str) -> None:
        self.store, self.packages, self.own = Store(folder), packages, own
        self._heard: dict[str, Heard] = {}

    def basic_pitch(self, path: Path) -> Heard:
        """Notes and active keys by Basic Pitch."""
        key = digest(path)
        if key not in self._heard:

            def find() -> dict[str, Any]:
                notes, active = self._basic_pitch.transcribe(_at(BASIC_PITCH_RATE, path))
                return {"notes": notes, "frames": len(active), "active": np.packbits(active).tobytes().hex()}

            found = self.store.kept("basic_pitch", key, find)
            bits = np.frombuffer(bytes.fromhex(found["active"]), np.uint8)
            active = np.unpackbits(bits, count=found["frames"] * KEYS).reshape(-1, KEYS)
            self._heard[key] = Heard([Note(*row) for row in found["notes"]], active.astype(bool))
        return self._heard[key]

    def ours(self, path: Path) -> list[Note]:
        """Notes by the content encoder that ships."""

        def find() -> list[Any]:
            levelled, _ = normalise_loudness(_at(RATE, path), RATE)
            return [list(note) for note in find_notes(levelled, RATE, self._encoder, torch.device("cpu"))]

        return [Note(*row) for row in self.store.kept("content_encoder", digest(path, self.own), find)]

    def transkun(self, path: Path) -> list[Note]:
        """Notes by Transkun, of a recording of a piano."""
        found = self.store.kept(
            "transkun", digest(path), lambda: self._transkun.transcribe(_at(transkun_judge.RATE, path))
        )
        return [Note(*row) for row in found]

    def tagger(self, path: Path) -> Tagged:
        """Shares and embedding by musicnn."""

        def find() -> dict[str, Any]:
            beliefs, layer = self._tagger(_at(musicnn.RATE, path))
            mean = beliefs.mean(0)
            shares = dict(zip(musicnn.INSTRUMENTS, (mean / mean.sum()).tolist(), strict=True))
            return {"shares": shares, "layer": layer.round(4).tolist()}

        found = self.store.kept("tagger", digest(path), find)
        return Tagged(found["shares"], np.array(found["layer"]))

    def classifier(self, path: Path) -> dict[str, float]:
        """Probabilities by the small classifier of `stylebox evaluate`."""
        return self.store.kept(
            "classifier", digest(path), lambda: instrument_probabilities(self._classifier, _at(RATE, path), RATE)
        )

    def pitch(self, path: Path) -> Pitch:
        """The fundamental by swift-f0."""

        def find() -> list[float]:
            found = self._f0.detect(_at(F0_RATE, path), F0_RATE)
            voiced = found.confidence >= F0_CONFIDENCE
            return [round(float(hz), 3) for hz in np.where(voiced, found.pitch_hz, 0.0)]

        return Pitch(np.array(self.store.kept("swift_f0", digest(path), find)))

    def sound(self, path: Path) -> dict[str, Any]:
        """Texture, treble, bandwidth and noisiness of a file."""

        def measure() -> dict[str, Any]:
            audio, rate = read(path)
            return {
                "texture": texture_db(audio, rate),
                "treble": treble_share_db(audio, rate),
                "bandwidth": bandwidth_hz(audio, rate),
                "noisiness": noisiness(audio, rate),
            }

        return self.store.kept("sound", digest(path), measure)

    def rises(self, path: Path, onsets: Sequence[float]) -> list[Rise | None]:
        """The attacks of a file at these onsets."""
        found = self.store.kept(
            "attacks", digest(path, repr(list(onsets))), lambda: attack_rises(*read(path), list(onsets))
        )
        return [Rise(*row) if row else None for row in found]

    @cached_property
    def _basic_pitch(self) -> BasicPitch:
        return BasicPitch(self.packages)

    @cached_property
    def _tagger(self) -> musicnn.MusicnnTagger:
        return musicnn.MusicnnTagger(self.packages)

    @cached_property
    def _transkun(self) -> transkun_judge.Transkun:
        return transkun_judge.Transkun(self.packages)

    @cached_property
    def _classifier(self) -> Classifier:
        return library.shipped_classifier()

    @cached_property
    def _encoder(self) -> ContentEncoder:
        return library.load_content_encoder(library.SHIPPED_MODEL)

    @cached_property
    def _f0(self) -> Any:  # noqa: ANN401  # of a package that is not this project's
        sys.path.append(str(self.packages / "swift_f0"))
        return import_module("swift_f0").SwiftF0()


def timed(notes: Sequence[Note], semitones: int = 0) -> list[TimedNote]:
    """Notes without velocities, moved by some semitones."""
    return [(note.start_seconds, note.end_seconds, float(note.pitch + semitones)) for note in notes]


def _at(rate: int, path: Path) -> np.ndarray:
    audio, own = read(path)
    resampled: np.ndarray = soxr.resample(audio, own, rate)
    return resampled
