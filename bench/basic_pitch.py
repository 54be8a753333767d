"""Basic Pitch, unchanged: its network as the wheel holds it, its own way from posteriors to notes, its defaults.

It judges outputs, and it is the transcriber of the systems that a user could put together today. Frames are dated
exactly: a window of 43844 samples gives 142 frames of 256 samples of which the last one is cut short, so that a frame
lasts 11.55 ms on average; at the nominal 86 frames per second a note would be found 0.17 s late after 25 s.

Reference:
    Bittner et al. (2022), A lightweight instrument-agnostic model for polyphonic note transcription, ICASSP.
    Apache-2.0.
"""

import logging
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PACKAGE = "basic-pitch==0.4.0"
RATE, HOP, WINDOW, OVERLAP = 22050, 256, 43844, 30  # Hz, samples, samples, frames
STEP = WINDOW - OVERLAP * HOP  # samples from window to window
WINDOW_FRAMES = 142  # that are kept of each window
ONSET_THRESHOLD, FRAME_THRESHOLD, MIN_FRAMES = 0.5, 0.3, 11  # its defaults; 127.7 ms
LOWEST_KEY, KEYS = 21, 88
_BATCH = 8


class Transcription(NamedTuple):
    """Notes as (from, to, MIDI number, amplitude), and which keys sound in each frame, ``(T, 88)``."""

    notes: list[tuple[float, float, int, float]]
    active: np.ndarray


def frame_seconds(frame: int) -> float:
    """When a frame begins.

    >>> round(frame_seconds(142), 3), round(frame_seconds(142 * 10), 2)
    (1.64, 16.4)
    """
    window, within = divmod(frame, WINDOW_FRAMES)
    return (window * STEP + within * HOP) / RATE


class BasicPitch:
    """The network, loaded once.

    Args:
        packages: Has the folder ``basic_pitch``, a target of ``pip install --no-deps``.
    """

    def __init__(self, packages: Path) -> None:
        import onnxruntime  # not among this project's packages

        sys.path.append(str(packages / "basic_pitch"))
        logging.disable(logging.WARNING)  # it names three backends that are not there
        from basic_pitch import FilenameSuffix, build_icassp_2022_model_path
        from basic_pitch.note_creation import output_to_notes_polyphonic

        logging.disable(logging.NOTSET)
        self._to_notes: Any = output_to_notes_polyphonic
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = str(build_icassp_2022_model_path(FilenameSuffix.onnx))
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def transcribe(self, audio: np.ndarray) -> Transcription:
        """All that it finds in a recording at 22 050 Hz.

        Shape:
            audio ``(S,)``.
        """
        note, onset = self._posteriors(audio)
        found = self._to_notes(
            note.copy(), onset.copy(), ONSET_THRESHOLD, FRAME_THRESHOLD, MIN_FRAMES, True, None, None, True
        )
        notes = sorted((frame_seconds(a), frame_seconds(b), int(key), float(level)) for a, b, key, level in found)
        return Transcription(notes, note >= FRAME_THRESHOLD)

    def _posteriors(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of notes and of onsets, each ``(T, 88)``."""
        padded = np.concatenate([np.zeros(OVERLAP // 2 * HOP, np.float32), audio.astype(np.float32)])
        starts = range(0, len(padded), STEP)
        windows = np.stack([np.pad(w, (0, WINDOW - len(w))) for w in (padded[i : i + WINDOW] for i in starts)])
        names = ["StatefulPartitionedCall:1", "StatefulPartitionedCall:2"]
        parts = [
            self._session.run(names, {"serving_default_input_2:0": windows[i : i + _BATCH, :, None]})
            for i in range(0, len(windows), _BATCH)
        ]
        window, within = divmod(len(audio), STEP)
        count = window * WINDOW_FRAMES + min(WINDOW_FRAMES, within // HOP)
        note, onset = (
            np.concatenate([part[k] for part in parts])[:, OVERLAP // 2 : -(OVERLAP // 2)].reshape(-1, KEYS)[:count]
            for k in range(2)
        )
        return note, onset
