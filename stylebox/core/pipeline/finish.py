"""The last step: the played sound gets the loudness, the place between the channels and the rate of its recording.

It stays quiet where the recording holds no music. Works in blocks, in bounded memory.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stylebox.core.audio.clipping import excess_db, turned_down
from stylebox.core.audio.energy import HOPS_PER_SECOND, Energy, EnergyMeter
from stylebox.core.audio.io.read import resample_blocks
from stylebox.core.audio.loudness import follow_gain, gain_at, gain_to, loudness_of
from stylebox.core.audio.place import place_gains, put_in_place
from stylebox.core.audio.windows import windows
from stylebox.core.music.notes import Note
from stylebox.core.pipeline.options import OutputFormat, Settings
from stylebox.core.pipeline.recording import MonoSource, fitted, length_at, spans_of
from stylebox.core.pipeline.work import Track

SILENT_INPUT = "it is silent, and so is the output"
NO_NOTES = "no notes were found in most of it; the output is kept at least 20 dB below it"
_LEAST_ENERGY_OF_NOTES = 0.1  # share of a recording's energy; phrases have 0.65 and more, steady noise 0.09 at most
_BLOCK_SAMPLES = 1 << 16


@dataclass(frozen=True)
class Performance:
    """What a model has played for a recording.

    Attributes:
        settings: What it was made with, the transposition included.
        notes: As played; None if the model knows no notes.
        sound: One value per sample at the model's rate and own level; None for a silent recording.
        remarks: What was left out of the music and of the style's recordings.
    """

    settings: Settings
    notes: list[Note] | None = None
    sound: Track | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """A finished sound, made block by block each time it is asked for.

    Attributes:
        source: The recording that was played.
        sound: What the model played; None is silence.
        curve: Gain of the sound over time.
        places: Gain of each channel over time.
        sample_rate: Of the result, in Hz.
        mix: Share of the transfer in the power of the result.
        gain: Of everything.
        peak: Largest magnitude of the result before it is turned down; it may exceed full scale.
        turned_down_db: By which it is quieter, so that it does not clip.
        warnings: What a listener should know.

    Shape:
        curve ``(H + 1,)``, places ``(H + 1, C)``.
    """

    source: MonoSource
    sound: Track | None
    curve: np.ndarray
    places: np.ndarray
    sample_rate: int
    mix: float = 1.0
    gain: float = 1.0
    peak: float = 0.0
    turned_down_db: float = 0.0
    warnings: tuple[str, ...] = ()

    def below_clipping(self) -> "Finished":
        """The sound turned down so that it does not clip, or as it is."""
        return replace(self, turned_down_db=excess_db(self.peak))

    @property
    def channels(self) -> int:
        """Number of channels."""
        return len(self.places[0])

    @property
    def num_samples(self) -> int:
        """Length at the rate of the result."""
        return length_at(self.source.measured.num_samples, self.source.recording.sample_rate, self.sample_rate)

    def blocks(self) -> Iterator[np.ndarray]:
        """All samples.

        Shape:
            ``(S, C)`` each, float32.
        """
        spans = [(w.start, w.stop) for w in windows(self.num_samples, _BLOCK_SAMPLES)]
        played = spans_of(self._played(), spans)
        original = spans_of(self._original(), spans) if self.mix < 1 else None
        for start, _ in spans:
            block = put_in_place(next(played), self.places, start, self.sample_rate)
            if original is not None:
                block = np.float32(self.mix**0.5) * block + np.float32((1 - self.mix) ** 0.5) * next(original)
            yield turned_down(block * np.float32(self.gain), self.turned_down_db)

    def _played(self) -> Iterator[np.ndarray]:
        """What the model played at the loudness of the recording, ``(S,)`` each."""
        if self.sound is None:
            return (np.zeros(w.stop - w.start, np.float32) for w in windows(self.num_samples, _BLOCK_SAMPLES))
        rate = self.source.sample_rate
        levelled = (
            (self.sound.read(w.start, w.stop) * gain_at(self.curve, w.start, w.stop, rate))[:, None]
            for w in windows(len(self.sound), _BLOCK_SAMPLES)
        )
        at_rate = resample_blocks(levelled, rate, self.sample_rate, 1)
        return (block[:, 0] for block in fitted(at_rate, self.num_samples, 1))

    def _original(self) -> Iterator[np.ndarray]:
        """The recording in the channels of the result, ``(S, C)`` each."""
        recording, known = self.source.recording, self.source.measured
        fold = known.weights[:, None] * np.float32(10 ** (-known.fold_db / 20))
        folded = known.channels != self.channels
        blocks = (block @ fold if folded else block for block in recording.blocks())
        at_rate = resample_blocks(blocks, recording.sample_rate, self.sample_rate, self.channels)
        return fitted(at_rate, self.num_samples, self.channels)


def finish(
    performance: Performance,
    source: MonoSource,
    output: OutputFormat,
    report: Callable[[float], None] = lambda share: None,
) -> Finished:
    """The result of a performance: silence for silence, little for noise, otherwise as loud as the recording.

    Args:
        performance: What the model played.
        source: The recording.
        output: Rate and channels of the result.
        report: Called with the share that is done.
    """
    known, settings = source.measured, performance.settings
    places = np.ones((1, 1)) if output.mono else place_gains(known.energy)
    rate = output.rate_for(source.recording.sample_rate)
    if performance.sound is None:
        return Finished(source, None, np.zeros(1), places, rate, settings.mix, warnings=(SILENT_INPUT,))
    found, target_db = energy_of(performance.sound, source.sample_rate), loudness_of(known.energy)
    music = performance.notes is None or energy_of_notes(known.energy, performance.notes) >= _LEAST_ENERGY_OF_NOTES
    if music:
        gain_db = gain_to(found, target_db)
        curve = follow_gain(found, known.energy, settings.follow, gain_db=gain_db) * 10 ** (gain_db / 20)
    else:
        curve = np.full(1, _kept_below(found, known.energy))
    warnings = () if music else (NO_NOTES,)
    result = Finished(source, performance.sound, curve, places, rate, settings.mix, warnings=warnings)
    peak, done = 0.0, 0
    meter = EnergyMeter(rate)
    for block in result.blocks():
        meter.add(block)
        peak, done = max(peak, float(np.abs(block).max())), done + len(block)
        report(done / result.num_samples)
    gain = 10 ** (gain_to(meter.energy(), target_db) / 20) if music or settings.mix < 1 else 1.0
    return replace(result, gain=gain, peak=float(np.float32(peak) * np.float32(gain)))


def energy_of_notes(energy: Energy, notes: Sequence[Note]) -> float:
    """Share of a recording's energy that lies where notes sound.

    Args:
        energy: Of the recording.
        notes: Found in it.
    """
    sounding = np.zeros(len(energy.samples), bool)
    for note in notes:
        sounding[int(note.start_seconds * HOPS_PER_SECOND) : int(np.ceil(note.end_seconds * HOPS_PER_SECOND))] = True
    total = energy.squares.sum(1)
    return float(total[sounding].sum() / max(total.sum(), 1e-12))


def _kept_below(found: Energy, wanted: Energy) -> float:
    """The factor that keeps a sound 20 dB below another, so that what is not music stays harmless."""
    level, limit = (float(np.sqrt((x.squares.mean(1)).sum() / max(x.samples.sum(), 1))) for x in (found, wanted))
    return min(1.0, 0.1 * limit / max(level, 1e-9))


def energy_of(sound: Track, sample_rate: int) -> Energy:
    """The energy of a track of samples.

    Args:
        sound: One value per sample.
        sample_rate: In Hz.
    """
    meter = EnergyMeter(sample_rate)
    for w in windows(len(sound), _BLOCK_SAMPLES):
        meter.add(sound.read(w.start, w.stop))
    return meter.energy()
