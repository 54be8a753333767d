"""Which instrument does it sound like? The answer of a small classifier that ships with the package.

It was trained on sounds that the shipped model does not play, and no model is trained with it: see MODEL_CARD.md.
"""

import numpy as np
import torch

from stylebox.core.audio.io.read import resample
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.models.classifier import CLASSES, OTHER, Classifier
from stylebox.core.music.style_names import instrument_of, match_name
from stylebox.core.pipeline.style_spec import is_file

WINDOW_SECONDS = 3.0  # length of what is classified at once
_SILENT = -0.98  # a window whose loudest mel value is below it is silent
_RANGE = 0.9  # a window 40 dB below the loudest one is a rest


def instrument_probabilities(classifier: Classifier, audio: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Probability of each class: the mean over windows of 3 s with sound, which overlap by half.

    Args:
        classifier: A trained classifier.
        audio: A recording.
        sample_rate: Of `audio`, in Hz.

    Returns:
        By the names of `CLASSES`; all 0 for silence.

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
    """Probability of a style's instrument.

    Args:
        classifier: A trained classifier.
        audio: The output of a transfer.
        style: A style as `--style` takes it.
        sample_rate: Of `audio`, in Hz.

    Returns:
        In [0, 1]; NaN for a style that is a file or an instrument that the classifier does not know.

    Shape:
        ``audio`` is ``(S,)``.
    """
    name = match_name(instrument_of(style), CLASSES)
    if name is None or name == OTHER or is_file(style):
        return float("nan")
    return instrument_probabilities(classifier, audio, sample_rate)[name]
