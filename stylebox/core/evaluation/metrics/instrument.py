"""Which instrument is heard? A small classifier that ships and that no model is trained with.

It has only ever heard sounds that are kept out of the shipped model's training: see MODEL_CARD.md.
"""

from pathlib import Path

import numpy as np
import torch

from stylebox.core.audio.io.read import resample
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.models.classifier import CLASSES, OTHER, Classifier
from stylebox.core.music.style_names import instrument_of, match_name

WINDOW_SECONDS = 3.0
_SILENT = -0.98  # loudest mel of a window without sound
_RANGE = 0.9  # a window 40 dB further down than the loudest is a rest


def instrument_probabilities(classifier: Classifier, audio: np.ndarray, sample_rate: int) -> dict[str, float]:
    """By class; the mean over windows of 3 s (half of each shared with the next) that sound. Silence is all 0.

    Shape:
        ``audio`` is ``(S,)``.
    """
    config = classifier.mel
    levelled = resample(normalise_loudness(audio, sample_rate)[0], sample_rate, config.sample_rate)
    mel = MelSpectrogram(config)(torch.from_numpy(levelled))
    size = round(WINDOW_SECONDS * config.frames_per_second)
    mel = torch.nn.functional.pad(mel, (0, max(0, size - mel.shape[1])), value=-1.0)
    windows = mel.unfold(1, size, size // 2).transpose(0, 1)  # (W, M, size)
    loudest = windows.amax((1, 2))
    windows = windows[(loudest > _SILENT) & (loudest > loudest.max() - _RANGE)]
    if not len(windows):
        return dict.fromkeys(CLASSES, 0.0)
    with torch.no_grad():
        mean = classifier(windows).softmax(1).mean(0)
    return dict(zip(CLASSES, mean.tolist(), strict=True))


def instrument_probability(classifier: Classifier, audio: np.ndarray, style: str, sample_rate: int) -> float:
    """Of a style's instrument; NaN for a style that is none of the classifier's, such as a file."""
    name = match_name(instrument_of(style), CLASSES)
    if name is None or name == OTHER or Path(style).expanduser().is_file():
        return float("nan")
    return instrument_probabilities(classifier, audio, sample_rate)[name]
