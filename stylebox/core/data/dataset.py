"""Reading a built dataset: recordings by split; their mels, audio and notes as memory maps.

Never writes, and knows nothing of how a dataset is built or of networks.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from stylebox.core.config import MelConfig
from stylebox.core.data.manifest import BuildRules, Manifest, Recording, fingerprint, read_manifest
from stylebox.core.errors import DatasetError, error_message

Shape = tuple[int | None, ...]  # None is any length
AUDIO_FULL_SCALE = 4.0  # amplitude of an int16 of 32768: +12 dBFS, headroom for peaks


def audio_to_int16(audio: np.ndarray) -> np.ndarray:
    """Float audio, full scale 1, to int16 as stored in a dataset (full scale +12 dBFS).

    Shape:
        ``(S,)`` -> ``(S,)``.
    """
    scaled = audio * np.float32(32768.0 / AUDIO_FULL_SCALE)
    np.round(scaled, out=scaled)  # in place: an hour is a third of a gigabyte
    return np.clip(scaled, -32768, 32767, out=scaled).astype(np.int16)


def int16_to_audio(samples: np.ndarray) -> np.ndarray:
    """Stored int16 samples to float32 audio, full scale 1.

    Shape:
        ``(S,)`` -> ``(S,)``.
    """
    return np.asarray(samples).astype(np.float32) * np.float32(AUDIO_FULL_SCALE / 32768.0)


def mapped(path: Path, dtype: type, shape: Shape) -> np.ndarray:
    """Map an array of a dataset into memory.

    Args:
        path: The file; it may come from a stranger.
        dtype: That its values must have.
        shape: That it must have; None is any length.

    Shape:
        `shape`.

    Raises:
        DatasetError: it cannot be read, or is another array.
    """
    try:
        array: np.ndarray = np.load(path, mmap_mode="r")
    except Exception as error:  # numpy reads the header as Python: a damaged one raises errors of many kinds
        raise DatasetError(f"{path}: cannot be read ({error_message(error)}); run `stylebox build` again") from error
    fits = len(array.shape) == len(shape) and all(
        wanted in (None, length) for length, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits or array.dtype != dtype:
        found, wanted = f"{array.dtype} of shape {array.shape}", f"{np.dtype(dtype)} of shape {shape}"
        raise DatasetError(f"{path}: holds {found}, not {wanted}; run `stylebox build` again")
    return array


@dataclass(frozen=True)
class Window:
    """What a process draws its batches from, for some steps.

    Attributes:
        recordings: To train with.
        first: The first step.
        stop: The step behind the last one.
        shards: Where this process reads them, for a dataset that is read as shards.
        all_shards: Those of all processes.
    """

    recordings: tuple[Recording, ...]
    first: int = 0
    stop: int = sys.maxsize
    shards: tuple[str, ...] = ()
    all_shards: tuple[str, ...] = ()


class Dataset:
    """A built dataset. Arrays are mapped at first use; after unpickling they are mapped again.

    Attributes:
        path: The dataset's folder.
        recordings: All that the manifest lists, by id.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.recordings: tuple[Recording, ...] = manifest.recordings
        self._manifest = manifest
        self._arrays: dict[tuple[str, str], np.ndarray] = {}

    @classmethod
    def open(cls, path: Path) -> "Dataset":
        """Open the dataset in the folder `path`.

        Raises:
            DatasetError: there is no dataset, or it is damaged or of another version.
        """
        return cls(path, read_manifest(path))

    @property
    def mel_config(self) -> MelConfig:
        """The settings of all mels of the dataset."""
        return self._manifest.mel

    @property
    def rules(self) -> BuildRules:
        """The settings that limited the recordings."""
        return self._manifest.rules

    @property
    def place(self) -> str:
        """Where the dataset is, for another run to find it."""
        return str(self.path.resolve())

    @property
    def references(self) -> list[Recording]:
        """Recordings for training that are at hand for the whole of a training."""
        return self.split("train")

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that identify the settings and the recordings, wherever the dataset is."""
        return fingerprint(self._manifest)

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of the instruments, in alphabetical order."""
        return tuple(sorted({r.instrument for r in self.recordings}))

    def split(self, name: Literal["train", "valid", "test"]) -> list[Recording]:
        """Recordings of one split, by id. Use each from its `start_frame` to its `stop_frame` only."""
        return [r for r in self.recordings if r.split == name]

    def window(self, step: int, frames_per_step: int, seed: int) -> Window:
        """What this process draws the batch of a step from; here all recordings of the training split, for all steps.

        Args:
            step: From 0.
            frames_per_step: Frames in the batch of all processes.
            seed: Of the order.
        """
        return Window(tuple(self.split("train")))

    def require(self, recordings: Sequence[Recording]) -> None:
        """Make the arrays of some recordings available; here they always are."""

    def prepare(self, window: Window, others: Sequence[Window] = ()) -> None:
        """Make the arrays of a window available, and give up those that neither it nor the other windows need."""

    def require_mel(self, config: MelConfig) -> None:
        """Check that the mels were made with these settings.

        Raises:
            DatasetError: some settings differ; the message names them with both values.
        """
        here, wanted = self.mel_config.model_dump(), config.model_dump()
        differing = [f"{k} is {here[k]}, {wanted[k]} is asked for" for k in wanted if here[k] != wanted[k]]
        if differing:
            others = "; ".join(differing)
            raise DatasetError(
                f"{self.path}: made with other mel settings ({others}); "
                "run `stylebox build` again with the --preset to be trained"
            )

    def mel(self, recording: Recording) -> np.ndarray:
        """Mel of the whole recording, 0 to 255 (see `uint8_to_mel`).

        Shape:
            ``(T, M)``, uint8, memory-mapped, T = `recording.frames`.
        """
        return self._array("mels", recording, np.uint8, (recording.frames, self.mel_config.n_mels))

    def audio(self, recording: Recording) -> np.ndarray:
        """The whole recording at the common loudness (see `int16_to_audio`).

        Shape:
            ``(S,)``, int16, memory-mapped, S = `recording.samples`, at the mel's sample rate.
        """
        return self._array("audio", recording, np.int16, (recording.samples,))

    def notes(self, recording: Recording) -> np.ndarray | None:
        """The exact notes of the whole recording, if known: start and end in seconds, pitch (MIDI), velocity.

        Shape:
            ``(number of notes, 4)``, float32.
        """
        return self._array("notes", recording, np.float32, (None, 4)) if recording.has_notes else None

    def _array(self, kind: str, recording: Recording, dtype: type, shape: Shape) -> np.ndarray:
        array = self._arrays.get((kind, recording.files))
        if array is None:
            array = mapped(self.path / kind / f"{recording.files}.npy", dtype, shape)
            self._arrays[kind, recording.files] = array
        return array

    def __getstate__(self) -> dict[str, Any]:
        # A pickled memory map would be a full copy; worker processes map the files themselves.
        return {**self.__dict__, "_arrays": {}}
