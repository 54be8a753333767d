"""Train the small network by which `stylebox build` tells one instrument from several, and measure it.

    python -m tools.train_solo_detector FOLDER --soundfont FONT ...
        [--held-out FOLDER --held-out-soundfont FONT] [--alone ...]

FOLDER is as `stylebox render --instruments all` writes it. Several instruments are two or three of its recordings
together, or up to three with drums of the SoundFonts; as many voices of one instrument are not. --alone: folders of
single instruments, for false alarms. Writes stylebox/weights/judges/solo_detector.safetensors of this checkout.
"""

import argparse
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import torch

from stylebox.core.audio.io.read import load_audio
from stylebox.core.audio.loudness import normalise_loudness
from stylebox.core.audio.mel import MelSpectrogram
from stylebox.core.config import ANALYSIS_RATE, MelConfig
from stylebox.core.data.quality.solo_detector import (
    SOLO_DETECTOR,
    SUSPICIOUS,
    multi_instrument_probability,
    shipped_solo_detector,
)
from stylebox.core.evaluation.metrics.instrument import WINDOW_SECONDS
from stylebox.core.music.notes import Note
from stylebox.core.sources.render.soundfont import synthesise
from stylebox.core.store.weights import save_weights
from tools.train_classifier import BATCH, audio_files, degraded, detuned_crop, tilted, train

MEL = MelConfig(sample_rate=ANALYSIS_RATE, n_mels=128)
RATE = MEL.sample_rate
SEMITONES, LEVEL_DB = 2.0, 7.0
DRUM_SHARE = 0.35  # of mixes
PIECE_SECONDS, DRUM_PIECES = 12.0, 30
KICK, SNARE, CLOSED_HAT, OPEN_HAT, RIDE, CRASH = 36, 38, 42, 46, 51, 49
KITS = (0, 8, 16, 25, 32, 40)


def drum_piece(font: Path, seed: int) -> np.ndarray:
    """A bar that comes again and again, with changes; ``(S,)``."""
    rng = np.random.default_rng(seed)
    step = 60.0 / rng.uniform(70, 160) / 2
    time_keeper = int(rng.choice([CLOSED_HAT, RIDE, OPEN_HAT]))
    kicks, snares = rng.random(8) < 0.3, rng.random(8) < 0.15
    kicks[0], snares[4] = True, True
    notes = []
    for number in range(int(PIECE_SECONDS / step)):
        start, place = number * step, number % 8
        hits = [(time_keeper, rng.random() < 0.8), (KICK, kicks[place]), (SNARE, snares[place])]
        hits.append((CRASH, number % 32 == 0 and rng.random() < 0.5))
        notes += [Note(start, start + 0.1, key, rng.uniform(0.4, 1.0)) for key, struck in hits if struck]
    try:
        return synthesise(notes, font, int(rng.choice(KITS)), PIECE_SECONDS, bank=128)
    except Exception:  # not every SoundFont has every kit
        return synthesise(notes, font, 0, PIECE_SECONDS, bank=128)


class Mixes:
    """Half of the examples are one instrument in one to three voices, half are several instruments."""

    def __init__(self, folder: Path, fonts: list[Path]) -> None:
        self.mel_transform = MelSpectrogram(MEL)
        self.samples = round(WINDOW_SECONDS * RATE)
        self.by_sound: dict[tuple[str, str], list[np.ndarray]] = defaultdict(list)
        for file in audio_files([folder]):
            sound = file.stem.split("_", 1)[-1]
            self.by_sound[file.parent.name, sound].append(load_audio(file, RATE).astype(np.float32))
        self.sounds = sorted(self.by_sound)
        self.drums = [drum_piece(font, seed) for font in fonts for seed in range(DRUM_PIECES)]

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Mels ``(B, M, T)`` and labels ``(B,)``, 1 for several instruments; they depend on the step alone."""
        rng = np.random.default_rng((1, step))
        labels = rng.permutation(np.arange(BATCH) % 2)
        clips = degraded(np.stack([self.example(bool(one), self.samples, rng) for one in labels]), RATE, rng)
        clips = np.stack([levelled(clip) for clip in clips])
        return tilted(self.mel_transform(torch.from_numpy(clips)), rng), torch.from_numpy(labels)

    def example(self, several: bool, samples: int, rng: np.random.Generator, drums: bool | None = None) -> np.ndarray:
        """One clip ``(S,)``.

        Args:
            several: Whether it has several instruments.
            samples: Its length.
            rng: Source of all choices.
            drums: Whether several instruments include drums; None leaves it to `rng`.
        """
        drums = several and (rng.random() < DRUM_SHARE if drums is None else drums)
        first = self._sound(rng)
        voices = int(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1]))
        chosen = [first] * voices
        if several:
            others = [self._other(first, rng) for _ in range(int(rng.integers(0 if drums else 1, 3)))]
            chosen = [first, *others]
        mix = np.zeros(samples, np.float32)
        for sound in chosen:
            recordings = self.by_sound[sound]
            mix += self._stretch(recordings[rng.integers(len(recordings))], samples, rng)
        if drums:
            mix += self._stretch(self.drums[rng.integers(len(self.drums))], samples, rng, 0.5)
        return mix

    def _sound(self, rng: np.random.Generator) -> tuple[str, str]:
        return self.sounds[rng.integers(len(self.sounds))]

    def _other(self, sound: tuple[str, str], rng: np.random.Generator) -> tuple[str, str]:
        while (found := self._sound(rng))[0] == sound[0]:
            pass
        return found

    def _stretch(self, audio: np.ndarray, samples: int, rng: np.random.Generator, detune: float = 1.0) -> np.ndarray:
        ratio = 2.0 ** (detune * rng.uniform(-SEMITONES, SEMITONES) / 12)
        start = int(rng.integers(0, max(1, len(audio) - int(samples * ratio))))
        return levelled(detuned_crop(audio, start, samples, ratio)) * 10 ** (rng.uniform(-LEVEL_DB, 0) / 20)


def levelled(audio: np.ndarray) -> np.ndarray:
    """Audio ``(S,)`` at the loudness of a dataset."""
    return np.asarray(normalise_loudness(audio, RATE)[0], np.float32)


@cache
def _mel_of() -> MelSpectrogram:
    return MelSpectrogram(MEL)


def heard(audio: np.ndarray) -> float:
    """As `stylebox build` would judge it."""
    return multi_instrument_probability(shipped_solo_detector(), levelled(audio), RATE)


def report(name: str, found: list[float]) -> None:
    """Print how many of these probabilities lead to a warning."""
    share = np.mean([one > SUSPICIOUS for one in found])
    print(f"{name:34} {len(found):4}: {share:6.1%} warned of, mean {np.mean(found):.2f}, most {np.max(found):.2f}")


def main() -> None:
    """Train, write, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="to train on; without it, the shipped one is measured")
    parser.add_argument("--soundfont", type=Path, action="append", default=[])
    parser.add_argument("--held-out", type=Path)
    parser.add_argument("--held-out-soundfont", type=Path)
    parser.add_argument("--alone", type=Path, nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=2000)
    arguments = parser.parse_args()
    if arguments.folder:
        classifier = train(Mixes(arguments.folder, arguments.soundfont), 2, arguments.steps)
        tensors = {f"classifier.{name}": tensor for name, tensor in classifier.state_dict().items()}
        card = {"config": {"mel": MEL.model_dump()}, "step": arguments.steps}
        target = Path(__file__).parent.parent / "stylebox" / "weights" / SOLO_DETECTOR
        save_weights(target, tensors, card, torch.float16)
    for folder in arguments.alone:
        report(str(folder), [heard(load_audio(file, RATE)[: 60 * RATE]) for file in audio_files([folder])])
    if arguments.held_out:
        mixes = Mixes(arguments.held_out, [arguments.held_out_soundfont])
        samples = round(PIECE_SECONDS * RATE)
        kinds = (("one, up to three voices", False, False), ("two or three", True, False), ("with drums", True, True))
        for name, several, drums in kinds:
            rng = np.random.default_rng(9)
            report(name, [heard(mixes.example(several, samples, rng, drums)) for _ in range(200)])


if __name__ == "__main__":
    main()
