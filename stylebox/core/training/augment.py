"""Random degradation of audio for training: vibrato, rooms, microphones, noise, codecs, levels; batches on any device.

A batch is degraded in two steps: `draw` chooses a few numbers per example, on the CPU and ahead of time, and `degrade`
computes what they say, on the device. Nothing moves notes in time; only `bend` changes pitch.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stylebox.core.training.lossy import encode_and_decode

Drawn = dict[str, Tensor]
"""For each effect: ``<effect>.rows``, the examples that have it, and ``<effect>``, a row of numbers for each."""


class Effect(NamedTuple):
    """An effect: the share of the examples that have it, and the ranges its numbers are drawn from."""

    share: float
    ranges: tuple[tuple[float, float], ...]


EFFECTS = {
    "vibrato": Effect(0.25, ((5.0, 40.0), (4.0, 7.0), (0.0, 2 * np.pi))),  # cents either way, Hz, phase
    "equaliser": Effect(0.7, ((-9.0, 9.0),) * 8),  # dB, equally spaced over octaves
    "room": Effect(0.5, ((np.log(0.15), np.log(2.5)), (0.002, 0.02), (0.1, 0.6), (0.0, 1.0))),
    # log of seconds to -60 dB, seconds before the first echo, level, place in the noise
    "compression": Effect(0.3, ((0.3, 1.2),)),  # how far the peak is driven into saturation
    "noise": Effect(0.6, ((0.0, 1.0), (-65.0, -25.0), (0.0, 1.0))),  # white to brown, dB, place in the noise
    "codec": Effect(0.3, ((0.0, 1.0),)),  # loss, see `encode_and_decode`
    "gain": Effect(1.0, ((-8.0, 6.0),)),  # dB
}
_NOISE_SAMPLES, _COLOURS = 1 << 20, 8
_FLAT_BELOW_HZ = 0.5  # coloured noise has the same power at all frequencies below


def draw(rng: np.random.Generator, count: int, share: slice = slice(None), affected: np.ndarray | None = None) -> Drawn:
    """What `bend` and `degrade` do to some examples.

    Args:
        rng: Source of all choices.
        count: Number of examples.
        share: Which of them; the numbers of an example depend on no other one.
        affected: The examples that have any effect at all; None: all.

    Shape:
        ``affected`` is ``(count,)``, bool.
    """
    drawn: Drawn = {}
    for name, effect in EFFECTS.items():
        low, high = np.array(effect.ranges).T
        numbers = rng.uniform(low, high, (count, len(low)))[share].astype(np.float32)
        has = rng.random(count) < effect.share
        rows = np.flatnonzero((has if affected is None else has & affected)[share])
        drawn[f"{name}.rows"], drawn[name] = torch.from_numpy(rows), torch.from_numpy(numbers[rows])
    return drawn


def bend(
    audio: Tensor, ratio: Tensor, drawn: Mapping[str, Tensor], sample_rate: int, *, fixed: int, margin: int
) -> Tensor:
    """Audio at another speed and pitch, with the drawn vibrato, which moves no sample by a millisecond or more.

    Args:
        audio: With `margin` samples more than the result at either end.
        ratio: Speed of each example; 2 is an octave higher.
        drawn: See `draw`.
        sample_rate: In Hz.
        fixed: The sample of the result that stays at its place; the others move towards it, or away from it.
        margin: See `audio`; what lies further away reads as the last sample there.

    Shape:
        ``(B, S + 2 * margin)`` -> ``(B, S)``, ``ratio`` is ``(B,)``.
    """
    index = torch.arange(audio.shape[1] - 2 * margin, device=audio.device)
    moved = (ratio[:, None] - 1) * (index - fixed)
    cents, hz, phase = drawn["vibrato"].T[:, :, None]
    turn = 2 * torch.pi * hz / sample_rate
    moved[drawn["vibrato.rows"]] += np.log(2) / 1200 * cents / turn * torch.sin(turn * index + phase)
    below = moved.floor()
    place = (margin + index + below.long()).clamp(0, audio.shape[1] - 2)
    return torch.lerp(audio.gather(1, place), audio.gather(1, place + 1), moved - below)


def degrade(audio: Tensor, drawn: Mapping[str, Tensor], sample_rate: int, lead: int) -> Tensor:
    """Equaliser, room, compression, noise, codec and gain, as drawn.

    Args:
        audio: Any level; exact zeros are places where there is no recording.
        drawn: See `draw`.
        sample_rate: In Hz.
        lead: Samples at the beginning that only give what a room still holds; they are cut off. A room's reverberation
            ends after so many samples, if not before.

    Shape:
        ``(B, lead + S)`` -> ``(B, S)``.
    """
    recorded = (audio != 0).sum(1).clamp_min(1)
    audio = _filter(audio, drawn, sample_rate, lead)
    rows, drive = drawn["compression.rows"], drawn["compression"]
    driven = audio[rows]
    drive = drive / (driven.abs().amax(1, keepdim=True) + 1e-6)
    audio[rows] = torch.tanh(driven * drive) / drive
    rows, (colour, level_db, place) = drawn["noise.rows"], drawn["noise"].T
    quiet = audio[rows]
    noise = _noise(sample_rate, colour, place, quiet.shape[1])
    noise = noise - noise.mean(1, keepdim=True)
    power = quiet.square().sum(1) / recorded[rows]
    level = (power / (noise.square().mean(1) + 1e-12)).sqrt() * 10.0 ** (level_db / 20)
    audio[rows] = quiet + level[:, None] * noise
    audio = audio[:, lead:]
    rows, (loss,) = drawn["codec.rows"], drawn["codec"].T
    audio[rows] = encode_and_decode(audio[rows], loss, sample_rate)
    audio[drawn["gain.rows"]] *= 10.0 ** (drawn["gain"] / 20)
    return audio


def _filter(audio: Tensor, drawn: Mapping[str, Tensor], sample_rate: int, lead: int) -> Tensor:
    """The equaliser and the room, as one filter; its end wraps into the lead."""
    size = audio.shape[1]
    spectrum = torch.fft.rfft(audio)
    curve_db = drawn["equaliser"] @ _octave_knots(size, drawn["equaliser"].shape[1], audio.device)
    spectrum[drawn["equaliser.rows"]] *= 10.0 ** (curve_db / 20)
    if len(drawn["room"]):  # no transform of nothing
        spectrum[drawn["room.rows"]] *= 1.0 + torch.fft.rfft(_tails(drawn["room"], sample_rate, lead), size)
    filtered: Tensor = torch.fft.irfft(spectrum, size)
    return filtered


def _tails(room: Tensor, sample_rate: int, length: int) -> Tensor:
    """What rooms add to an impulse: noise that decays, ``(B, length)``."""
    log_seconds, gap, level, place = room.T[:, :, None]
    t = torch.arange(length, device=room.device) / sample_rate
    white = _noise(sample_rate, torch.zeros_like(place[:, 0]), place[:, 0], length)
    tail = white * 10.0 ** (-3.0 * t / log_seconds.exp()) * (t >= gap)
    scaled: Tensor = tail * level / (tail.square().sum(1, keepdim=True) + 1e-12).sqrt()
    return scaled


@cache
def _octave_knots(size: int, count: int, device: torch.device) -> Tensor:
    """Weights of curves that are linear between knots, equally spaced over octaves; ``(count, size // 2 + 1)``."""
    octave = np.log2(np.arange(size // 2 + 1) + 1.0)
    place = octave / octave[-1] * (count - 1)
    hats = np.maximum(0.0, 1.0 - np.abs(place - np.arange(count)[:, None]))
    return torch.from_numpy(hats.astype(np.float32)).to(device)


def _noise(sample_rate: int, colour: Tensor, place: Tensor, length: int) -> Tensor:
    """Pieces of noise from 0, white, to 1, brown; `place` in [0, 1) chooses them. ``(B,)`` -> ``(B, length)``."""
    table = _noise_table(sample_rate, colour.device)
    index = (place[:, None] * _NOISE_SAMPLES).long() + torch.arange(length, device=colour.device)
    row = (colour * (_COLOURS - 1)).round().long()[:, None]
    noise: Tensor = table.flatten()[row * _NOISE_SAMPLES + index % _NOISE_SAMPLES]
    return noise


@cache
def _noise_table(sample_rate: int, device: torch.device) -> Tensor:
    """Noise of all colours, ``(_COLOURS, _NOISE_SAMPLES)``; the same in every process."""
    white = torch.randn(_NOISE_SAMPLES, generator=torch.Generator().manual_seed(0))
    hz = torch.fft.rfftfreq(_NOISE_SAMPLES, 1 / sample_rate)
    slope = torch.linspace(0, 1, _COLOURS)[:, None]
    coloured = torch.fft.irfft(torch.fft.rfft(white) / (1 + hz / _FLAT_BELOW_HZ) ** slope, _NOISE_SAMPLES)
    table: Tensor = coloured / coloured.std(1, keepdim=True)
    return table.to(device)
