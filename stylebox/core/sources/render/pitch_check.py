"""Checks whether a recorded note sounds at its labelled pitch, octaves away from it, or elsewhere.

The peaks of the spectrum, in semitones above the label, are correlated with the partials of a tone at every pitch
within two octaves. A peak between the partials counts against a pitch, because the dense partials of a lower octave
would otherwise match by chance. Peaks are weighted by amplitude, so that a weak one at half the frequency decides
nothing. Knows nothing of files and instruments.

Reference:
    Duifhuis, Willems & Sluyter (1982), Measurement of pitch in speech, J. Acoust. Soc. Am. 71 (the harmonic sieve).
    Fletcher (1964), Normal vibration frequencies of a stiff piano string, J. Acoust. Soc. Am. 36.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from stylebox.core.music.notes import key_hz

MAX_SHIFT = 26  # semitones by which all labels of a folder may be wrong

_OFFSETS = np.arange(-10 * MAX_SHIFT - 10, 10 * MAX_SHIFT + 11) / 10  # semitones from the label
_OUT_OF_TUNE = 0.8  # semitones; a note further from its label is another note
_STRETCHED = 0.3  # semitones added for the highest key of a piano, which is tuned sharp; grows from C7 upwards
_NEIGHBOUR = 1.3  # semitones; further away is another pitch, not a mistuning
_LOWER_MARGIN = 0.15  # share by which a lower pitch must explain more: room noise and sympathetic strings lie low
_UNPITCHED = 0.12  # a tone has no pitch if no pitch explains a larger share of it

_NUM_PEAKS = 40
_PEAK_RANGE_DB = 50.0
_HIGHEST_HZ = 16000.0
_NUM_PARTIALS = 16
_INHARMONICITIES = np.array([0, *1e-4 * 2.0 ** np.arange(9)])  # 0: wind and bow; others: strings, up to a piano's top
_STEP = 0.01  # semitones, resolution of the templates
_TEMPLATE_LOW = -12.0


class PitchCheck:
    """How well each pitch around its label explains a recorded note."""

    def __init__(self, audio: np.ndarray, sample_rate: int, pitch: float) -> None:
        """Analyse a note.

        Args:
            audio: From the onset on, at least 0.1 s.
            sample_rate: In Hz.
            pitch: The label, a MIDI number.

        Shape:
            ``audio`` is ``(S,)``.
        """
        self.pitch = pitch
        self._intervals, self._weights = _peaks(audio, sample_rate, pitch)
        self._scores = self._explained(_OFFSETS, 0.3)

    @property
    def is_pitched(self) -> bool:
        """Whether the note has a clear pitch; noise and clicks have none."""
        return bool(self._scores.max() > _UNPITCHED)

    def offset(self, shift: int = 0) -> float:
        """Measure by how many semitones, to a tenth, the note sounds above its label; `shift` is expected."""
        below = shift - _OFFSETS > _NEIGHBOUR
        return float(_OFFSETS[int(np.argmax(self._scores - _LOWER_MARGIN * below))])

    def agrees(self, shift: int = 0) -> bool:
        """Whether the note sounds `shift` semitones above its label, within the tolerance."""
        low, high = self._tolerance(shift)
        return self.is_pitched and low <= self.offset(shift) - shift <= high

    def sounding_pitch(self, shift: int = 0) -> float:
        """Measure the pitch near `shift` semitones above the label: a MIDI number, to a cent."""
        low, high = self._tolerance(shift)
        distance = _OFFSETS - shift
        near = np.flatnonzero((distance >= low) & (distance <= high))
        coarse = _OFFSETS[near[int(np.argmax(self._scores[near]))]]
        fine = coarse + np.arange(-20, 21) * _STEP
        return self.pitch + float(fine[int(np.argmax(self._explained(fine, 0.1)))])

    def _tolerance(self, shift: int) -> tuple[float, float]:
        height = min(max((self.pitch + shift - 96) / 12, 0.0), 1.0)
        return -_OUT_OF_TUNE - 1e-6, _OUT_OF_TUNE + _STRETCHED * height + 1e-6

    def _explained(self, offsets: np.ndarray, width: float) -> np.ndarray:
        """The share of the tone, at most 1, that each pitch explains at its best inharmonicity.

        Args:
            offsets: Semitones above the label, ``(N,)``.
            width: Width of a partial, in semitones (standard deviation).
        """
        templates = _templates(width)
        at = np.rint((self._intervals - offsets[:, None] - _TEMPLATE_LOW) / _STEP).astype(int)
        shares = templates[:, np.clip(at, 0, templates.shape[1] - 1)] @ self._weights
        inharmonicity = _INHARMONICITIES[:, None]
        stiffest = 7.5e-4 * 2.2 ** (np.maximum(self.pitch + offsets - 40, 0) / 12)  # three times a usual piano's
        shares = np.where(inharmonicity > stiffest, -1.0, shares - 0.03 * np.log10(1e4 * inharmonicity + 1))
        explained: np.ndarray = shares.max(axis=0)
        return explained


def common_shift(checks: Sequence[PitchCheck]) -> int:
    """Find by how many semitones all labels of a folder are wrong.

    0 unless more than half of the notes agree on another shift, and more than on 0. Bars and bells, whose partials fit
    several pitches, are taken to be octaves off.
    """
    shifts = range(-MAX_SHIFT, MAX_SHIFT + 1)
    votes = {shift: sum(check.agrees(shift) for check in checks) for shift in shifts}
    best = max(sorted(shifts, key=lambda shift: (shift % 12 != 0, abs(shift))), key=votes.__getitem__)
    return best if 2 * votes[best] > len(checks) else 0


def _peaks(audio: np.ndarray, sample_rate: int, pitch: float) -> tuple[np.ndarray, np.ndarray]:
    """The loudest peaks of a tone's spectrum, none below the lowest possible pitch.

    High notes are measured over a shorter time: they decay while wood and room still sound.

    Returns:
        Semitones above `pitch`, and amplitudes that add up to 1, both ``(P,)``.
    """
    label_hz = key_hz(pitch)
    seconds = min(max(80 / label_hz, 0.5), 0.7)
    start = round(0.03 * sample_rate)
    part = audio[start : start + round(seconds * sample_rate)].astype(np.float64)
    size = 1 << (4 * len(part)).bit_length()
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), size)) + 1e-12
    bins = np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] >= spectrum[2:])) + 1
    hz = bins * sample_rate / size
    bins = bins[(hz > max(20.0, label_hz * 2 ** (_OFFSETS[0] / 12) * 0.95)) & (hz < _HIGHEST_HZ)]
    if not len(bins):
        return np.zeros(1), np.zeros(1)
    bins = bins[np.argsort(-spectrum[bins], kind="stable")[:_NUM_PEAKS]]
    bins = bins[spectrum[bins] >= spectrum[bins[0]] * 10 ** (-_PEAK_RANGE_DB / 20)]
    before, peak, after = np.log(spectrum[[bins - 1, bins, bins + 1]])
    hz = (bins + 0.5 * (before - after) / (before - 2 * peak + after)) * sample_rate / size
    return 12 * np.log2(hz / label_hz), spectrum[bins] / spectrum[bins].sum()


@cache
def _templates(width: float) -> np.ndarray:
    """The score of a peak for a pitch so many semitones below it, for each inharmonicity.

    1 on a partial, negative between partials, so that random peaks have a mean of zero.
    """
    partials = np.arange(1, _NUM_PARTIALS + 1)
    slots = 12 * np.log2((partials + 0.5) / (partials - 0.5))
    slots[0] = 12.0
    stretch = np.sqrt((1 + _INHARMONICITIES[:, None] * partials**2) / (1 + _INHARMONICITIES[:, None]))
    places = 12 * np.log2(partials * stretch)
    highest = places.max() + 1
    intervals = np.arange(round((highest - _TEMPLATE_LOW) / _STEP)) * _STEP + _TEMPLATE_LOW
    distances = np.abs(intervals[None, :, None] - places[:, None, :])
    nearest = distances.argmin(axis=2)
    distance = distances.min(axis=2)
    by_chance = np.sqrt(2 * np.pi) * width / slots[nearest]
    values: np.ndarray = np.exp(-0.5 * (distance / width) ** 2) - by_chance
    values[intervals > places[:, -1:] + 0.35] = 0.0  # above the last partial nothing counts
    return values
