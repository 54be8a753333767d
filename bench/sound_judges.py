"""What the sounds of `bench/sound.py` are judged by, one figure or list per file, kept on disk by the file's content.

musicnn tags instruments, Basic Pitch's network finds notes (the script that `--judge` names), Transkun finds the notes
of a piano. None of them is among this project's packages; each is loaded when it is first needed.
"""

import hashlib
import json
import sys
import types
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import librosa
import numpy as np
import soxr
import torch

from bench.external_transcriber import ExternalTranscriber
from bench.musicnn_tagger import MusicnnTagger
from bench.sound_corpus import read, true_recording
from bench.sound_signal import attack_figures, attack_rises, lone_onsets, texture_db, treble_share_db
from bench.sound_systems import Output
from stylebox.core.evaluation.metrics.loudness import loudness_correlation

TAGGER_RATE, JUDGE_RATE, TRANSKUN_RATE = 16000, 22050, 44100
_EXCERPT = {True: "", False: " of the excerpt"}
_REMEMBERED = 64  # recordings whose posteriors are kept in memory
Notes = list[tuple[float, float, int]]  # from, to in seconds; MIDI number
Kept = TypeVar("Kept")


class Judges:
    """Everything that is asked of a file or of a pair of files.

    Args:
        store: Folder for what was found, one JSON file per question.
        script: With `transcribe`, `f1` and `frame_f1`, as `bench/run.py --judge` takes it.
        packages: Folder with ``musicnn``, ``tf`` and ``transkun``, each of them a target of ``pip install``.
    """

    def __init__(self, store: Path, script: Path, packages: Path) -> None:
        self.store, self.packages = store, packages
        self.transcriber: Any = ExternalTranscriber(script).module
        self.transcriber.posteriors = _remembering(self.transcriber.posteriors)

    def shares(self, path: Path, whole: bool = True) -> dict[str, float]:
        """The tagger's belief in each instrument, as shares of 1."""
        return self._kept("tagger" + _EXCERPT[whole], lambda: self._tagger.shares(_at(TAGGER_RATE, path, whole)), path)

    def note_scores(self, output: Output) -> dict[str, float]:
        """Output against input, the transposition undone: frame F1, and note F1 with onsets within 50 and 100 ms."""

        def compare() -> dict[str, float]:
            given, made = (_at(JUDGE_RATE, Path(path)) for path in (output.given, output.made))
            moved = [(start, stop, key + output.transpose) for start, stop, key in self.notes(Path(output.given))]
            found = self.notes(Path(output.made))
            return {
                "frame_f1": self.transcriber.frame_f1(given, made, output.transpose),
                "f1_50": float(self.transcriber.f1(moved, found, 0.05)),
                "f1_100": float(self.transcriber.f1(moved, found, 0.1)),
            }

        return self._kept(f"notes {output.transpose}", compare, Path(output.given), Path(output.made))

    def notes(self, path: Path, whole: bool = True) -> Notes:
        """All notes the transcriber finds in a file."""

        def find() -> Notes:
            found = self.transcriber.transcribe(_at(JUDGE_RATE, path, whole))
            return [(float(start), float(stop), int(key)) for start, stop, key in found]

        return self._kept("transcription" + _EXCERPT[whole], find, path)

    def loudness(self, output: Output) -> float:
        """Correlation of the loudness contours of input and output, as `stylebox evaluate` has it."""

        def compare() -> float:
            given, made = (_at(JUDGE_RATE, Path(path)) for path in (output.given, output.made))
            return loudness_correlation(given, made, JUDGE_RATE)

        return self._kept("loudness", compare, Path(output.given), Path(output.made))

    def texture(self, path: Path, whole: bool = True) -> list[float]:
        """`texture_db` of a file."""
        return self._kept("texture" + _EXCERPT[whole], lambda: texture_db(*_read(path, whole)), path)

    def treble(self, path: Path, whole: bool = True) -> float:
        """`treble_share_db` of a file."""
        return self._kept("treble" + _EXCERPT[whole], lambda: treble_share_db(*_read(path, whole)), path)

    def attacks(self, output: Output) -> dict[str, list[float]]:
        """`attack_figures` at the lone onsets of the input."""

        def compare() -> dict[str, list[float]]:
            onsets = lone_onsets([start for start, _, _ in self.notes(Path(output.given))])
            given, made = (attack_rises(*read(Path(path)), onsets) for path in (output.given, output.made))
            return attack_figures(given, made)

        return self._kept("attacks", compare, Path(output.given), Path(output.made))

    def true_rises(self, path: Path) -> list[float]:
        """Rise times in ms of the attacks of a true recording."""

        def find() -> list[float]:
            onsets = lone_onsets([start for start, _, _ in self.notes(path, whole=False)])
            rises = attack_rises(*true_recording(path), onsets)
            return attack_figures(rises, rises)["rise"]

        return self._kept("rises", find, path)

    def piano_notes(self, path: Path) -> Notes:
        """All notes Transkun finds in a recording of a piano."""

        def find() -> Notes:
            audio = torch.from_numpy(_at(TRANSKUN_RATE, path))[:, None]
            with torch.no_grad():
                found = self._transkun.transcribe(audio)
            return sorted((float(n.start), float(n.end), int(n.pitch)) for n in found if n.pitch > 0)  # else pedals

        return self._kept("transkun", find, path)

    @cached_property
    def _tagger(self) -> MusicnnTagger:
        sys.path.append(str(self.packages / "tf"))
        return MusicnnTagger(self.packages / "musicnn", TAGGER_RATE)

    @cached_property
    def _transkun(self) -> Any:  # noqa: ANN401  # of a package without types
        """Transkun with its own weights. It needs one function of torchaudio, which librosa has as well."""
        folder = self.packages / "transkun"
        sys.path.append(str(folder))
        stand_in: Any = types.ModuleType("torchaudio")
        stand_in.functional = types.SimpleNamespace(melscale_fbanks=_mel_bands)
        sys.modules.setdefault("torchaudio", stand_in)
        transkun = import_module("transkun.ModelTransformer")
        sizes = json.loads((folder / "transkun/pretrained/2.0.conf").read_text())["Model"]["config"]
        config = transkun.ModelConfig()
        vars(config).update(sizes)
        model = transkun.TransKun(conf=config).eval()
        weights = torch.load(folder / "transkun/pretrained/2.0.pt", map_location="cpu", weights_only=True)
        model.load_state_dict(weights["state_dict"], strict=False)
        return model

    def _kept(self, kind: str, compute: Callable[[], Kept], *paths: Path) -> Kept:
        """What was found before for these very contents, else what is found now."""
        digest = hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in paths)).hexdigest()
        kept = self.store / kind.replace(" ", "_") / f"{digest[:24]}.json"
        if not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(compute()))
        value: Kept = json.loads(kept.read_text())
        return value


def _remembering(function: Callable[[np.ndarray], Kept]) -> Callable[[np.ndarray], Kept]:
    """A function of audio that does not run twice on what it was given lately."""
    found: OrderedDict[bytes, Kept] = OrderedDict()

    def remembered(audio: np.ndarray) -> Kept:
        key = hashlib.sha256(np.ascontiguousarray(audio).tobytes()).digest()
        if key not in found:
            found[key] = function(audio)
        found.move_to_end(key)
        while len(found) > _REMEMBERED:
            found.popitem(last=False)
        return found[key]

    return remembered


def _mel_bands(n_freqs: int, f_min: float, f_max: float, n_mels: int, sample_rate: int) -> torch.Tensor:
    """`torchaudio.functional.melscale_fbanks` at its defaults, ``(n_freqs, n_mels)``."""
    bands = librosa.filters.mel(
        sr=sample_rate, n_fft=2 * (n_freqs - 1), n_mels=n_mels, fmin=f_min, fmax=f_max, htk=True, norm=None
    )
    return torch.from_numpy(bands.T.copy())


def _read(path: Path, whole: bool) -> tuple[np.ndarray, int]:
    return read(path) if whole else true_recording(path)


def _at(rate: int, path: Path, whole: bool = True) -> np.ndarray:
    audio, own = _read(path, whole)
    resampled: np.ndarray = soxr.resample(audio, own, rate)
    return resampled
