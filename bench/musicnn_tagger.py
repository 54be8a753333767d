"""An external judge of instruments: musicnn, trained by others on real recordings with the tags of MagnaTagATune.

It is installed without its dependencies; TensorFlow, which is not a dependency of this project, runs its graph.

Reference:
    Pons and Serra (2019), musicnn: pre-trained convolutional neural networks for music audio tagging, ISMIR late
    breaking demo. It takes 3 s at a time, 96 mel bands at 16 kHz; here every 1.5 s. ISC licence.
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import librosa
import numpy as np

PACKAGE = "musicnn==0.1.0"
INSTRUMENTS = ("piano", "guitar", "harp", "violin", "flute", "cello", "harpsichord", "sitar")  # among its 50 tags
RATE = 16000  # Hz
WINDOW_SECONDS, STEP_SECONDS = 3.0, 1.5
_N_FFT, _HOP, _N_MELS, _FRAMES, _STEP = 512, 256, 96, 187, 93


class MusicnnTagger:
    """Tags, and the layer before them, of windows of a recording.

    Args:
        packages: Has the folders ``musicnn`` and ``tf`` (TensorFlow), targets of ``pip install``.
    """

    def __init__(self, packages: Path) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        sys.path += [str(packages / "tf"), str(packages / "musicnn")]
        try:
            tf = importlib.import_module("tensorflow").compat.v1
        except ImportError as error:
            raise SystemExit(f"the tagger is run by TensorFlow ({error}); pip install tensorflow-cpu") from error
        labels = importlib.import_module("musicnn.configuration").MTT_LABELS
        self._columns = [labels.index(name) for name in INSTRUMENTS]
        home = packages / "musicnn" / "musicnn" / "MTT_musicnn"
        tf.disable_eager_execution()
        tf.logging.set_verbosity(tf.logging.ERROR)
        meta = tf.MetaGraphDef.FromString((home / ".meta").read_bytes())
        output = next(n.name for n in meta.graph_def.node if n.op == "Sigmoid")
        graph_def = tf.graph_util.extract_sub_graph(meta.graph_def, [output])
        for node in graph_def.node:
            node.attr.pop("_output_shapes", None)  # some disagree with what TensorFlow now works out
        weights = tf.train.NewCheckpointReader(f"{home}/")
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(graph_def, name="")
        self._given: dict[Any, Any] = {
            graph.get_tensor_by_name(f"{node.name}:0"): weights.get_tensor(node.name)
            for node in graph_def.node
            if node.op == "VariableV2"
        }
        places = [graph.get_tensor_by_name(f"{n.name}:0") for n in graph_def.node if n.op == "Placeholder"]
        self._windows = next(place for place in places if place.dtype == tf.float32)
        self._given |= {place: False for place in places if place.dtype == tf.bool}  # not in training
        last = [n.name for n in graph_def.node if n.op == "MatMul"][-1]
        before = next(n for n in graph_def.node if n.name == last).input[0]
        self._asked = [graph.get_tensor_by_name(f"{name}:0") for name in (output, before)]
        threads = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        self._session = tf.Session(graph=graph, config=threads)

    def __call__(self, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Its belief in each of `INSTRUMENTS`, and the layer before its tags, window by window.

        Shape:
            audio at 16 kHz ``(S,)`` -> ``(W, 8)``, ``(W, 200)``.
        """
        tags, layer = self._session.run(self._asked, {**self._given, self._windows: self._mel_windows(audio)})
        return tags[:, self._columns], layer

    def _mel_windows(self, audio: np.ndarray) -> np.ndarray:
        """Mel windows for the network, ``(S,)`` -> ``(W, 187, 96)``."""
        mel = librosa.feature.melspectrogram(y=audio, sr=RATE, n_fft=_N_FFT, hop_length=_HOP, n_mels=_N_MELS).T
        levels = np.log10(10000 * mel + 1)
        levels = np.pad(levels, ((0, max(0, _FRAMES - len(levels))), (0, 0)))
        return np.stack([levels[i : i + _FRAMES] for i in range(0, len(levels) - _FRAMES + 1, _STEP)])
