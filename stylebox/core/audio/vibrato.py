"""The pitch of notes as an instrument plays it: which of the input's bends it takes on, and a vibrato of its own.

A violin that plays a piano's notes needs a vibrato that the piano does not have; a flute plays a singer's vibrato
narrower; a piano has none. Measurement errors are not carried over. Knows nothing of audio or networks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from stylebox.core.music.notes import LOWEST_KEY, NUM_KEYS, Note

VIBRATO_HZ = 4.0, 8.0  # rates that are taken for vibrato
_STEADY_CENTS, _VIBRATO_CENTS = 4.0, 8.0  # depth of no vibrato, and of a certain one; measurement errors stay below 4
_FASTEST_HZ = 9.0  # nothing that is faster is carried over
_SLOW_SECONDS = 0.38  # Hann window that keeps slides and tuning and no vibrato: it has a zero at 5.3 Hz
_DEPTH_SECONDS = 0.4  # over which the depth of a vibrato is measured
_FLATTENED = 1.9e-4  # s²: what a window of 93 ms takes from a vibrato, to the square of its rate: a fifth at 5.5 Hz
_SHORTEST_SECONDS = 0.4  # of a note with vibrato
_DELAY_SECONDS, _RISE_SECONDS, _FALL_SECONDS = 0.2, 0.2, 0.06  # of a vibrato in its note
_LATEST = 0.3  # of a note, until when its vibrato begins
_DELAY_SPREAD, _RATE_SPREAD, _DEPTH_SPREAD = 0.25, 0.04, 0.2  # standard deviations between notes, relative
_WOBBLE_RADIANS, _WOBBLE_HZ = 0.3, 0.9  # of its phase: no vibrato is as regular as a clock


@dataclass(frozen=True)
class Intonation:
    """How an instrument treats pitch.

    Attributes:
        bends: Share of the input's tuning and slides that it takes on, in [0, 1].
        widest_cents: The deepest vibrato that it takes on from the input, from the middle to either side.
        rate_hz: Of its own vibrato.
        depth_cents: Of its own vibrato, from the middle to either side; 0 if it plays none.
    """

    bends: float = 1.0
    widest_cents: float = 60.0
    rate_hz: float = 5.5
    depth_cents: float = 0.0


STRUCK = Intonation(bends=0.0, widest_cents=0.0)  # keys and mallets: what sounds keeps its pitch
SUSTAINED = Intonation()  # bowed, blown or sung, without a vibrato of its own
# Measured with `input_bends`: violin 5.1 to 5.8 Hz and 9 to 15 cents (single notes), 6.2 to 6.7 Hz and 13 to 32 cents
# (two players); cello 5.1 to 6.2 Hz, 5 to 13 cents; flute 4.6 to 5.4 Hz, 5 to 19 cents. Single notes of viola, oboe,
# bassoon, saxophone and trumpet at hand have next to none, so that their rows, and those not named here, are estimates.
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
    """How the instrument called `name` treats pitch; one that is not in the table is judged by whether it sustains."""
    return INTONATION.get(name, SUSTAINED if sustained else STRUCK)


def blend_intonation(parts: Sequence[tuple[Intonation, float]]) -> Intonation:
    """The weighted mean of several; weights sum to 1."""
    means = [sum(getattr(playing, field.name) * weight for playing, weight in parts) for field in fields(Intonation)]
    return Intonation(*means)


def carried_bends(cents: Tensor, frames_per_second: float, widest_cents: float = 60.0) -> Tensor:
    """The bends of an input without the errors of their measurement.

    Slides and tuning stay. What moves faster is kept if it is a vibrato: slower than 9 Hz and deeper than 4 to 8 cents.
    It becomes as deep as it was before the windows of `input_bends` flattened it. Local in time: to 0.8 s.

    Args:
        cents: How far each key's note is above it; 0 where the key does not sound. See `input_bends`.
        widest_cents: A deeper vibrato becomes as deep as this.

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
) -> Tensor:
    """Bends with a vibrato on the long notes that have none.

    It begins about 0.2 s into notes of at least 0.4 s, in which no vibrato is found. Rate, depth and delay differ from
    note to note: they depend on the seed and the note only, not on other notes.

    Args:
        cents: How far each key's note is above it.
        notes: Those of `cents`, in seconds from its first frame.
        rate_hz: The mean rate.
        depth_cents: The mean depth, from the middle to either side.

    Shape:
        ``(N, T)`` -> ``(N, T)``.
    """
    given = cents.detach().cpu().numpy()
    result = given.copy()
    for note in notes:
        key, seconds = note.pitch - LOWEST_KEY, note.end_seconds - note.start_seconds
        start, stop = (round(x * frames_per_second) for x in (note.start_seconds, note.end_seconds))
        stop = min(stop, given.shape[1])
        if not 0 <= key < NUM_KEYS or seconds < _SHORTEST_SECONDS or start >= stop:
            continue
        depth = vibrato_depth(given[key, start:stop], frames_per_second)
        share = 1.0 - float(_vibrato_share(np.array(depth)))
        moments = np.arange(start, stop) / frames_per_second - note.start_seconds
        rng = np.random.default_rng([seed, note.pitch, round(1000 * note.start_seconds)])
        result[key, start:stop] += share * depth_cents * _vibrato(moments, seconds, rate_hz, rng)
    return torch.from_numpy(result).to(cents)


def vibrato_depth(curve: np.ndarray, frames_per_second: float) -> float:
    """How deep the vibrato of one note is, in cents from the middle to either side.

    Args:
        curve: Cents of the note, frame by frame.

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
) -> Tensor:
    """The bends that an instrument gives to music: what it takes on from the input, and its own vibrato.

    Args:
        cents: Of the input, see `input_bends`.
        notes: Of the input.
        bend: Share of the input's bends, in [0, 1]; None is as the instrument does.
        vibrato: Depth of the instrument's own vibrato, in [0, 2]; 1 is as the instrument does, 2 a soloist's.

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
    return add_vibrato(carried, notes, frames_per_second, playing.rate_hz, depth_cents, seed)


def _vibrato(moments: np.ndarray, seconds: float, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """A vibrato of about depth 1 at moments of a note that lasts `seconds`."""
    drawn = 1 + np.array([_DELAY_SPREAD, _RATE_SPREAD, _DEPTH_SPREAD]) * np.clip(rng.normal(size=3), -2, 2)
    delay, rate, depth = drawn * [min(_DELAY_SECONDS, _LATEST * seconds), rate_hz, 1.0]
    since = moments - delay
    wobble = _WOBBLE_RADIANS * np.sin(2 * np.pi * (_WOBBLE_HZ * since + rng.random()))
    fade = np.clip(since / _RISE_SECONDS, 0, 1) * np.clip((seconds - moments) / _FALL_SECONDS, 0, 1)
    return depth * fade * np.sin(2 * np.pi * rate * since + wobble)


def _depth(swing: np.ndarray, around: np.ndarray) -> np.ndarray:
    """From the middle of a swing to either side, about each place."""
    return np.sqrt(2 * _mean(swing**2, around))


def _vibrato_share(depth: np.ndarray) -> np.ndarray:
    """How surely something of this depth in cents is a vibrato, in [0, 1]."""
    return np.clip((depth - _STEADY_CENTS) / (_VIBRATO_CENTS - _STEADY_CENTS), 0.0, 1.0)


def _low_pass(frames_per_second: float) -> np.ndarray:
    """A windowed sinc that keeps what is slower than `_FASTEST_HZ`."""
    half = round(_SLOW_SECONDS * frames_per_second / 2)
    times = np.arange(-half, half + 1) / frames_per_second
    return np.sinc(2 * _FASTEST_HZ * times) * np.hanning(2 * half + 3)[1:-1]


def _mean(curve: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Weighted mean about each place, of what there is; as `curve`."""
    half = len(window) // 2
    total, weight = (np.convolve(x, window)[half : half + len(curve)] for x in (curve, np.ones(len(curve))))
    return total / weight


def _runs(true: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Row, first and last place (not included) of each stretch that is true; ``(N, T)``."""
    edges = np.diff(np.pad(true, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    for row in np.flatnonzero(true.any(1)):
        for start, stop in zip(np.flatnonzero(edges[row] > 0), np.flatnonzero(edges[row] < 0), strict=True):
            yield int(row), int(start), int(stop)
