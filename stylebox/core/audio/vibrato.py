"""Intonation of an instrument: which of the input's pitch bends it keeps, and its own vibrato.

A violin that plays the notes of a piano needs a vibrato; a flute plays a singer's vibrato narrower; a piano has none.
Errors of the measurement are removed. Knows nothing of audio or networks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass

import numpy as np
import torch
from torch import Tensor

from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, Note

VIBRATO_HZ = 4.0, 8.0  # lowest and highest rate of a vibrato
_STEADY_CENTS, _VIBRATO_CENTS = 4.0, 8.0  # no vibrato up to the first depth, one from the second; errors are below 4
_FASTEST_HZ = 9.0  # faster movements are removed
_SLOW_SECONDS = 0.38  # Hann window that keeps slides and tuning but no vibrato: its first zero is at 5.3 Hz
_DEPTH_SECONDS = 0.4  # window in which the depth of a vibrato is measured
_FLATTENED = 1.9e-4  # s²: depth lost to windows of 93 ms, over the squared angular rate: a fifth at 5.5 Hz
_SHORTEST_SECONDS = 0.4  # shortest note with vibrato
_DELAY_SECONDS, _RISE_SECONDS, _FALL_SECONDS = 0.2, 0.2, 0.06  # start, fade-in and fade-out of a vibrato in its note
_LATEST = 0.3  # share of a note after which its vibrato begins at the latest
_DELAY_SPREAD, _RATE_SPREAD, _DEPTH_SPREAD = 0.25, 0.04, 0.2  # standard deviations between notes, relative
_WOBBLE_RADIANS, _WOBBLE_HZ = 0.3, 0.9  # slow modulation of its phase: no vibrato is perfectly regular


@dataclass(frozen=True)
class Intonation:
    """Pitch bends of an instrument.

    Attributes:
        bends: Share of the input's bends that it keeps, in [0, 1].
        widest_cents: Largest depth of the input's vibrato that it keeps, from the centre to either side.
        rate_hz: Rate of its own vibrato.
        depth_cents: Depth of its own vibrato, from the centre to either side; 0 if it has none.
    """

    bends: float = 1.0
    widest_cents: float = 60.0
    rate_hz: float = 5.5
    depth_cents: float = 0.0


STRUCK = Intonation(bends=0.0, widest_cents=0.0)  # keys and mallets: constant pitch
SUSTAINED = Intonation()  # bowed, blown or sung, without a vibrato of its own
# Measured with `estimate_bends`: violin 5.1 to 5.8 Hz and 9 to 15 cents (single notes), 6.2 to 6.7 Hz and 13 to 32
# cents (two players); cello 5.1 to 6.2 Hz, 5 to 13 cents; flute 4.6 to 5.4 Hz, 5 to 19 cents. The single notes at hand
# of viola, oboe, bassoon, saxophone and trumpet have hardly any; their rows, and those not named here, are estimates.
# In the literature: strings 5.5 to 8 Hz, an extent of 0.2 to 0.35 semitones (Timmers & Desain 2000, Vibrato: questions
# and answers from musicians and science); flutes 5 to 8 Hz (Garrison 2012, Visualizing Vibrato). The depths are in the
# lower half of what was measured: with 14 cents, a transcriber's onset F1 of violins falls by 0.04, with 10 by 0.01.
INTONATION: dict[str, Intonation] = {
    "violin": Intonation(rate_hz=6.0, depth_cents=10.0),
    "fiddle": Intonation(rate_hz=6.0, depth_cents=7.0),
    "viola": Intonation(rate_hz=5.8, depth_cents=10.0),
    "cello": Intonation(rate_hz=5.6, depth_cents=9.0),
    "contrabass": Intonation(rate_hz=5.3, depth_cents=6.0),
    "voice": Intonation(rate_hz=5.6, depth_cents=20.0),
    "flute": Intonation(widest_cents=20.0, rate_hz=5.0, depth_cents=6.0),
    "piccolo": Intonation(widest_cents=12.0, rate_hz=5.3, depth_cents=5.0),
    "pan_flute": Intonation(widest_cents=20.0, rate_hz=5.0, depth_cents=6.0),
    "shakuhachi": Intonation(rate_hz=5.0, depth_cents=10.0),
    "oboe": Intonation(widest_cents=20.0, rate_hz=5.3, depth_cents=6.0),
    "english_horn": Intonation(widest_cents=20.0, rate_hz=5.3, depth_cents=6.0),
    "bassoon": Intonation(widest_cents=15.0, rate_hz=5.2, depth_cents=4.0),
    "saxophone": Intonation(widest_cents=30.0, rate_hz=5.2, depth_cents=6.0),
    "trumpet": Intonation(widest_cents=20.0, rate_hz=5.2, depth_cents=3.0),
    "clarinet": Intonation(widest_cents=8.0),
    "recorder": Intonation(widest_cents=12.0),
    "organ": STRUCK,
    "church_organ": STRUCK,
    "reed_organ": STRUCK,
    "accordion": STRUCK,
    "guitar": Intonation(bends=0.5, widest_cents=10.0),
    "electric_guitar": Intonation(widest_cents=30.0),
    "acoustic_bass": Intonation(bends=0.5, widest_cents=10.0),
}


def intonation(name: str, sustained: bool = True) -> Intonation:
    """Intonation of the instrument `name`; the default for one not in the table depends on `sustained`."""
    return INTONATION.get(name, SUSTAINED if sustained else STRUCK)


def blend_intonation(parts: Sequence[tuple[Intonation, float]]) -> Intonation:
    """The weighted mean of several intonations; the weights sum to 1."""
    columns = zip(*(astuple(part) for part, _ in parts), strict=True)
    weights = [weight for _, weight in parts]
    return Intonation(*(sum(x * weight for x, weight in zip(column, weights, strict=True)) for column in columns))


def carried_bends(cents: Tensor, frames_per_second: float, widest_cents: float = 60.0) -> Tensor:
    """The bends of an input without the errors of their measurement.

    Slides and tuning stay. A faster movement is kept if it is a vibrato: slower than 9 Hz and deeper than 4 to 8 cents.
    It gets the depth that it had before the windows of `estimate_bends` flattened it. Each value depends on 0.8 s.

    Args:
        cents: Bends as `estimate_bends` returns them; 0 where the key does not sound.
        frames_per_second: Of `cents`.
        widest_cents: A deeper vibrato is reduced to this depth.

    Shape:
        ``(N, T)`` -> ``(N, T)``.
    """
    values = cents.detach().cpu().numpy()
    result = np.zeros_like(values)
    slow = np.hanning(2 * round(_SLOW_SECONDS * frames_per_second / 2) + 1)
    fast = _low_pass(frames_per_second)
    around = np.ones(2 * round(_DEPTH_SECONDS * frames_per_second / 2) + 1)
    for key, start, stop in _runs(values != 0):
        curve = values[key, start:stop]
        level = _mean(curve, slow)
        swing = _mean(curve, fast) - level
        share = _vibrato_share(_depth(swing, around))
        full = swing - _FLATTENED * frames_per_second**2 * np.diff(np.pad(swing, 1, mode="edge"), 2)
        limit = np.minimum(1.0, widest_cents / np.maximum(_depth(full, around), 1e-6))
        result[key, start:stop] = level + share * limit * full
    return torch.from_numpy(result).to(cents)


def add_vibrato(
    cents: Tensor,
    notes: Iterable[Note],
    frames_per_second: float,
    rate_hz: float,
    depth_cents: float,
    seed: int,
    start_seconds: float = 0.0,
) -> Tensor:
    """Add a vibrato to the long notes that have none.

    It begins about 0.2 s after the onset, in notes of at least 0.4 s without a vibrato of their own. Rate, depth and
    delay vary between notes: they depend on the seed and the note only, not on other notes.

    Args:
        cents: Bends of each key.
        notes: The notes of `cents`.
        frames_per_second: Of `cents`.
        rate_hz: The mean rate.
        depth_cents: The mean depth, from the centre to either side.
        seed: Of the variation between notes.
        start_seconds: Time of the first frame of `cents`, on the clock of the notes.

    Shape:
        ``(N, T)`` -> ``(N, T)``.
    """
    given = cents.detach().cpu().numpy()
    result = given.copy()
    for note in notes:
        key, seconds = note.pitch - LOWEST_KEY, note.end_seconds - note.start_seconds
        times = (note.start_seconds, note.end_seconds)
        start, stop = (round((x - start_seconds) * frames_per_second) for x in times)
        start, stop = max(0, start), min(stop, given.shape[1])
        if not 0 <= key < NUM_KEYS or seconds < _SHORTEST_SECONDS or start >= stop:
            continue
        depth = vibrato_depth(given[key, start:stop], frames_per_second)
        share = 1.0 - float(_vibrato_share(np.array(depth)))
        moments = start_seconds + np.arange(start, stop) / frames_per_second - note.start_seconds
        rng = np.random.default_rng([seed, note.pitch, round(1000 * note.start_seconds)])
        result[key, start:stop] += share * depth_cents * _vibrato(moments, seconds, rate_hz, rng)
    return torch.from_numpy(result).to(cents)


def vibrato_depth(curve: np.ndarray, frames_per_second: float) -> float:
    """Depth of the vibrato of one note, in cents from the centre to either side.

    Args:
        curve: Bend of the note in each frame, in cents.
        frames_per_second: Of `curve`.

    Shape:
        ``(T,)``.
    """
    count = len(curve)
    if count < _SHORTEST_SECONDS * frames_per_second / 2:
        return 0.0
    place = np.linspace(-1, 1, count)
    swing = curve - np.polyval(np.polyfit(place, curve, 2), place)
    window = np.hanning(count + 2)[1:-1]
    rates = np.arange(VIBRATO_HZ[0], VIBRATO_HZ[1] + 0.1, 0.25)[:, None]
    waves = np.exp(-2j * np.pi * rates * np.arange(count) / frames_per_second)
    return float(2 * np.abs(waves @ (window * swing)).max() / window.sum())


def played_bends(
    cents: Tensor,
    notes: Iterable[Note],
    frames_per_second: float,
    playing: Intonation,
    seed: int,
    bend: float | None = None,
    vibrato: float = 1.0,
    start_seconds: float = 0.0,
) -> Tensor:
    """The bends of an instrument that plays the notes of an input: those it keeps, and its own vibrato.

    Args:
        cents: Bends of the input, as `estimate_bends` returns them.
        notes: Notes of the input.
        frames_per_second: Of `cents`.
        playing: Intonation of the instrument.
        seed: Of the vibrato.
        bend: Share of the input's bends to keep, in [0, 1]; None is the instrument's own share.
        vibrato: Depth of the instrument's vibrato relative to its usual depth, in [0, 2].
        start_seconds: Time of the first frame of `cents`, on the clock of the notes.

    Shape:
        ``(N, T)`` -> ``(N, T)``.
    """
    if bend is None:
        carried = playing.bends * carried_bends(cents, frames_per_second, playing.widest_cents)
    else:
        carried = bend * carried_bends(cents, frames_per_second)
    depth_cents = vibrato * playing.depth_cents
    if depth_cents == 0:
        return carried
    return add_vibrato(carried, notes, frames_per_second, playing.rate_hz, depth_cents, seed, start_seconds)


def _vibrato(moments: np.ndarray, seconds: float, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """A vibrato of about depth 1, at the given times of a note that lasts `seconds`."""
    drawn = 1 + np.array([_DELAY_SPREAD, _RATE_SPREAD, _DEPTH_SPREAD]) * np.clip(rng.normal(size=3), -2, 2)
    delay, rate, depth = drawn * [min(_DELAY_SECONDS, _LATEST * seconds), rate_hz, 1.0]
    since = moments - delay
    wobble = _WOBBLE_RADIANS * np.sin(2 * np.pi * (_WOBBLE_HZ * since + rng.random()))
    fade = np.clip(since / _RISE_SECONDS, 0, 1) * np.clip((seconds - moments) / _FALL_SECONDS, 0, 1)
    cents: np.ndarray = depth * fade * np.sin(2 * np.pi * rate * since + wobble)
    return cents


def _depth(swing: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Depth of a movement around each frame, from the centre to either side."""
    depth: np.ndarray = np.sqrt(2 * _mean(swing**2, around))
    return depth


def _vibrato_share(depth: np.ndarray) -> np.ndarray:
    """Confidence that a movement of this depth in cents is a vibrato, in [0, 1]."""
    return np.clip((depth - _STEADY_CENTS) / (_VIBRATO_CENTS - _STEADY_CENTS), 0.0, 1.0)


def _low_pass(frames_per_second: float) -> np.ndarray:
    """A windowed sinc that keeps rates up to `_FASTEST_HZ`."""
    half = round(_SLOW_SECONDS * frames_per_second / 2)
    times = np.arange(-half, half + 1) / frames_per_second
    return np.sinc(2 * _FASTEST_HZ * times) * np.hanning(2 * half + 3)[1:-1]


def _mean(curve: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Weighted moving average of the frames that exist; as long as `curve`."""
    half = len(window) // 2
    total, weight = (np.convolve(x, window)[half : half + len(curve)] for x in (curve, np.ones(len(curve))))
    return total / weight


def _runs(true: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Row, start and stop of each run of true values; ``(N, T)``."""
    edges = np.diff(np.pad(true, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    for row in np.flatnonzero(true.any(1)):
        for start, stop in zip(np.flatnonzero(edges[row] > 0), np.flatnonzero(edges[row] < 0), strict=True):
            yield int(row), int(start), int(stop)
