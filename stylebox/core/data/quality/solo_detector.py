"""One instrument or several? A small network that ships, applied to the mel of a recording; tools/ trains it."""

from functools import cache

import numpy as np
import torch

from stylebox.core.audio.io.read import resample
from stylebox.core.audio.mel import mel_in_blocks, uint8_to_mel
from stylebox.core.config import MelConfig
from stylebox.core.models.classifier import Classifier
from stylebox.core.paths import package
from stylebox.core.store.weights import load_into, load_weights

SOLO_DETECTOR = "judges/solo_detector.safetensors"  # among the shipped weights
SUSPICIOUS = 0.65  # mean probability worth a warning; one in seventy single instruments reaches it, see docs/log.md
_WINDOW_SECONDS = 3.0
_BATCH = 64  # windows at once
_RANGE = 0.9  # of mel: a window 40 dB below the loudest is a rest


@cache
def shipped_solo_detector() -> Classifier:
    """The solo detector that comes with the package."""
    path = package() / "weights" / SOLO_DETECTOR
    tensors, card = load_weights(path)
    classifier = Classifier(MelConfig(**card["config"]["mel"]), 2)
    load_into(classifier, tensors, "classifier.", path)
    return classifier.eval().requires_grad_(False)


def multi_instrument_probability(classifier: Classifier, audio: np.ndarray, sample_rate: int) -> float:
    """Probability that more than one instrument plays: the mean over windows of 3 s that are not silent.

    Args:
        classifier: The solo detector.
        audio: At the common loudness.
        sample_rate: Of the audio, in Hz.

    Shape:
        audio is ``(S,)``.
    """
    config = classifier.mel
    mel = mel_in_blocks(resample(audio, sample_rate, config.sample_rate), config)
    size = round(_WINDOW_SECONDS * config.frames_per_second)
    if len(mel) < size:
        return 0.0
    starts = range(0, len(mel) - size + 1, size)
    loudest = np.array([mel[start : start + size].max() for start in starts])
    sounding = [start for start, top in zip(starts, loudest, strict=True) if top > loudest.max() - _RANGE * 127]
    found = []
    with torch.no_grad():
        for first in range(0, len(sounding), _BATCH):
            windows = np.stack([mel[start : start + size].T for start in sounding[first : first + _BATCH]])
            found.append(classifier(uint8_to_mel(windows)).softmax(1)[:, 1])
    return float(torch.cat(found).mean())
