"""Train the instrument classifier that ships on sounds that the shipped model does not play, and measure it.

    stylebox render --soundfont TimGM6mb.sf2 --minutes 14 --timbres 4 --seed 301 --to held/tim-eight
    stylebox render --soundfont TimGM6mb.sf2 --instruments all --minutes 1.5 --timbres 2 --seed 302 --to held/tim-all
    stylebox render --soundfont sf_GMbank.sf2 --minutes 14 --timbres 4 --seed 303 --to held/cs-eight
    stylebox render --soundfont sf_GMbank.sf2 --instruments all --minutes 1.5 --timbres 2 --seed 304 --to held/cs-all
    python -m tools.render_patches held/cs-eight held/fp-eight
    python -m tools.train_classifier held/* [--check FOLDER ...] --steps 2500

sf_GMbank.sf2 is in Debian's `csound-soundfont`. Folders are as `stylebox build` takes them: one per instrument. An
instrument without a class of its own is "other". A --check folder is only measured. Writes
stylebox/weights/judges/classifier.safetensors of this checkout.
"""

import argparse
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from stylebox.core.audio.io.files import find_audio
from stylebox.core.audio.io.read import load_audio
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.config import ANALYSIS_RATE, MelConfig
from stylebox.core.evaluation.metrics.instrument import WINDOW_SECONDS, instrument_probabilities
from stylebox.core.models.classifier import CLASSES, OTHER, Classifier
from stylebox.core.store.library import CLASSIFIER, shipped_classifier
from stylebox.core.store.weights import save_weights
from stylebox.core.training.augment import bend, degrade, draw

BATCH, LEARNING_RATE, SMOOTHING = 32, 2e-3, 0.05
SEMITONES = 2.5  # either way: another body of the same kind
TILT = 0.25  # of mel, either way from one end to the other
CHECK_SECONDS = 12.0
_AHEAD = 3  # batches made while others are learnt from

MEL = MelConfig(sample_rate=ANALYSIS_RATE, n_mels=128)  # its input


def label(folder: str) -> int:
    """The number of the class of a folder's instrument."""
    return CLASSES.index(folder if folder in CLASSES else OTHER)


def audio_files(folders: list[Path]) -> list[Path]:
    """All audio files below the folders, sorted."""
    return sorted(path for folder in folders for path in find_audio(folder).files)


def tilted(mel: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Mels ``(B, M, T)``, each brighter or darker."""
    tilt = torch.from_numpy(rng.uniform(-TILT, TILT, (len(mel), 1, 1)).astype(np.float32))
    return (mel + tilt * torch.linspace(-1, 1, mel.shape[1])[None, :, None] * (mel > -1)).clamp(-1, 1)


class Examples(Protocol):
    """Gives labelled batches."""

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Mels ``(B, M, T)`` and labels ``(B,)`` of one step."""
        ...


class Crops:
    """Crops of recordings, degraded, every class equally often."""

    def __init__(self, files: list[Path], config: MelConfig) -> None:
        self.config = config
        self.mel_transform = MelSpectrogram(config)
        self.samples = round(WINDOW_SECONDS * config.sample_rate)
        self.by_class: dict[int, list[np.ndarray]] = defaultdict(list)
        for file in files:
            self.by_class[label(file.parent.name)].append(load_audio(file, config.sample_rate).astype(np.float32))

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Mels ``(B, M, T)`` and labels ``(B,)``; they depend on the step alone."""
        rng = np.random.default_rng((1, step))
        labels = rng.permutation(np.arange(BATCH) % len(CLASSES))
        clips = degraded(np.stack([self._clip(int(one), rng) for one in labels]), self.config.sample_rate, rng)
        clips = np.stack([normalise_loudness(clip, self.config.sample_rate)[0] for clip in clips])
        return tilted(self.mel_transform(torch.from_numpy(clips)), rng), torch.from_numpy(labels)

    def _clip(self, one: int, rng: np.random.Generator) -> np.ndarray:
        recordings = self.by_class[one]
        audio = recordings[rng.integers(len(recordings))]
        ratio = 2.0 ** (rng.uniform(-SEMITONES, SEMITONES) / 12)
        start = int(rng.integers(0, max(1, len(audio) - int(self.samples * ratio))))
        return detuned_crop(audio, start, self.samples, ratio)


def detuned_crop(audio: np.ndarray, start: int, num_samples: int, ratio: float) -> np.ndarray:
    """A crop of audio, resampled to another speed and pitch.

    Args:
        audio: To crop.
        start: First sample.
        num_samples: Length of the result; silence past the end of `audio`.
        ratio: Speed; 2 is an octave higher.

    Shape:
        ``(S,)`` -> ``(num_samples,)``, float32.
    """
    last = int(num_samples * ratio) + 2
    source = audio[start : start + last].astype(np.float32)
    source = np.pad(source, (0, last - len(source)))
    position = np.arange(num_samples, dtype=np.float64) * ratio
    return np.interp(position, np.arange(last), source).astype(np.float32)


def degraded(clips: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Clips as training material, see `degrade`; before them was silence.

    Args:
        clips: Any level.
        sample_rate: In Hz.
        rng: Source of all choices.

    Shape:
        ``(B, S)`` -> ``(B, S)``, float32.
    """
    lead, drawn = sample_rate, draw(rng, len(clips))
    audio = torch.nn.functional.pad(torch.from_numpy(clips), (lead, 0))
    bent = bend(audio, torch.ones(len(clips)), drawn, sample_rate, fixed=lead, margin=0)
    return degrade(bent, drawn, sample_rate, lead).numpy()


def train(examples: Examples, num_classes: int, steps: int) -> Classifier:
    """Train a classifier from scratch; prints the loss every 100 steps.

    Args:
        examples: Gives the batches.
        num_classes: Number of different labels.
        steps: Optimiser steps.
    """
    torch.manual_seed(0)
    classifier = Classifier(MEL, num_classes).train()
    optimizer = torch.optim.AdamW(classifier.parameters(), LEARNING_RATE, weight_decay=0.05)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps)
    shown = 0.0
    with ThreadPoolExecutor(_AHEAD) as workers:
        ready = deque(workers.submit(examples.batch, step) for step in range(_AHEAD))
        for step in range(steps):
            mel, labels = ready.popleft().result()
            ready.append(workers.submit(examples.batch, step + _AHEAD))
            loss = F.cross_entropy(classifier(mel), labels, label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
            shown += float(loss.detach()) / 100
            if step % 100 == 99:
                print(f"step {step + 1}: loss {shown:.3f}", flush=True)
                shown = 0.0
    return classifier.eval()


def check(classifier: Classifier, folder: Path) -> None:
    """Print how often each instrument of a folder is recognised, and as what else."""
    config = MEL
    heard: dict[str, list[dict[str, float]]] = defaultdict(list)
    for file in audio_files([folder]):
        audio = load_audio(file, config.sample_rate)[: round(CHECK_SECONDS * config.sample_rate)]
        heard[CLASSES[label(file.parent.name)]].append(instrument_probabilities(classifier, audio, config.sample_rate))
    print(f"\n{folder}")
    for name, found in sorted(heard.items()):
        named = [max(one, key=one.__getitem__) for one in found]
        wrong = {other: named.count(other) for other in CLASSES if other != name and other in named}
        mean = np.mean([one[name] for one in found])
        print(f"{name:9} {named.count(name):4} of {len(named):4} named, probability {mean:.2f}, else {wrong}")


def main() -> None:
    """Train, write, check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", help="to train on; without any, the shipped one is checked")
    parser.add_argument("--check", type=Path, nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=1500)
    arguments = parser.parse_args()
    if arguments.folders:
        files = audio_files(arguments.folders)
        classifier = train(Crops(files, MEL), len(CLASSES), arguments.steps)
        card = {"config": {"mel": MEL.model_dump()}, "step": arguments.steps, "recordings": len(files)}
        target = Path(__file__).parent.parent / "stylebox" / "weights" / CLASSIFIER
        tensors = {f"classifier.{name}": tensor for name, tensor in classifier.state_dict().items()}
        save_weights(target, tensors, card, torch.float16)
        print(f"{target.stat().st_size / 1e6:.2f} MB")
    classifier = shipped_classifier()
    for folder in arguments.check:
        check(classifier, folder)


if __name__ == "__main__":
    main()
