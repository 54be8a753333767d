"""Faults of a file's channels that a mono mix hides: clipping, silence, cancellation."""

from pathlib import Path

import numpy as np

from stylebox.core.audio.io.read import AudioReader

_CLIPPED, _CLIPPED_SHARE = 0.999, 1e-3  # a sample this large counts as clipped; share of samples worth a warning
_CHANNEL_SECONDS = 300.0  # only the beginning is read: a dead channel is dead from the start
_DEAD_DB = -60.0  # power of a dead channel relative to the loudest
_CANCEL_DB = -13.0  # power of the mix of channels that cancel each other, relative to theirs; noise has -3


def channel_faults(source: Path) -> list[str]:
    """Find clipped samples, silent channels and channels that cancel each other; one clause per fault."""
    clipped, power, mixed, samples = np.zeros(1), np.zeros(1), 0.0, 0
    with AudioReader(source) as reader:
        for block in reader:
            clipped = clipped + np.count_nonzero(np.abs(block) >= _CLIPPED, axis=0)
            power = power + np.square(block, dtype=np.float64).sum(axis=0)
            mixed += float(np.square(block.mean(axis=1), dtype=np.float64).sum())
            samples += len(block)
            if samples > _CHANNEL_SECONDS * reader.sample_rate:
                break
    found = []
    share = float(clipped.max()) / max(samples, 1)
    if share > _CLIPPED_SHARE:
        found.append(f"{share:.1%} of its samples are clipped")
    if len(power) > 1 and power.max() > 0:
        dead = np.flatnonzero(power < power.max() * 10 ** (_DEAD_DB / 10))
        names = ("left", "right") if len(power) == 2 else tuple(str(i + 1) for i in range(len(power)))
        found += [f"its channel {names[i]} is silent" for i in dead]
        lost_db = 10 * np.log10(max(mixed, 1e-12) / power.mean())
        if len(power) - len(dead) > 1 and lost_db < _CANCEL_DB:
            found.append(f"its channels cancel each other: mixed to one, {-lost_db:.0f} dB are lost")
    return found
