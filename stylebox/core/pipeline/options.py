"""What a user may ask of a transfer, and what that comes to once a model has filled the gaps. Knows no network."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stylebox.core.config import DiffusionConfig
from stylebox.core.errors import ModelError


@dataclass(frozen=True)
class TransferOptions:
    """What a user may ask for; None leaves the model's choice.

    Attributes:
        style: A name, an audio file, or a blend ``a:0.7,b:0.3``.
        steps: Network calls of the diffusion; 0 gives the draft.
        guidance: How far beyond the style prediction to go; 1 is not at all.
        strength: Where the noised draft starts, in (0, 1]; 1 is pure noise.
        seed: Of the noise; one is drawn unless given.
        transpose: Semitones; None moves by octaves where the target's register asks for it.
        vocoder: "auto", "neural", "harmonic" or "griffin-lim".
        follow: How closely the output keeps to the input's loudness, in [0, 1]: 0 over phrases, 1 at each moment.
        bend: How much of the input's slides, vibrato and tuning the output takes on, in [0, 1]; None is as the style's
            instrument can: all of it where it is bowed or blown, none where it is struck, little where it is plucked.
        vibrato: Depth of the instrument's own vibrato on long notes that have none in the input, in [0, 2]; None is 1.
    """

    style: str
    steps: int | None = None
    guidance: float | None = None
    strength: float | None = None
    seed: int | None = None
    transpose: int | None = None
    vocoder: str = "auto"
    follow: float | None = None
    bend: float | None = None
    vibrato: float | None = None


class Settings(NamedTuple):
    """What a transfer goes by: the options, and the model's own choice where there was none."""

    steps: int
    guidance: float
    strength: float
    vocoder: str
    follow: float
    bend: float | None
    vibrato: float


def resolve(options: TransferOptions, own: DiffusionConfig, vocoder: str) -> Settings:
    """`options`, the gaps filled with a model's `own` choices and the `vocoder` it has.

    Raises:
        ModelError: an option is out of range.
    """
    steps = own.steps if options.steps is None else options.steps
    guidance = own.guidance if options.guidance is None else options.guidance
    strength = own.strength if options.strength is None else options.strength
    follow = 0.0 if options.follow is None else options.follow
    if not math.isfinite(guidance):
        raise ModelError(f"--guidance {guidance}: is no number to go by; 1 is none, 2 much")
    if steps < 0 or not 0 <= strength <= 1:
        raise ModelError(f"--steps {steps} --strength {strength}: steps are 0 up, strength is from 0 to 1")
    if not 0 <= follow <= 1:
        raise ModelError(f"--follow {follow}: is from 0, over phrases, to 1, from moment to moment")
    if options.bend is not None and not 0 <= options.bend <= 1:
        raise ModelError(f"--bend {options.bend}: is from 0, not at all, to 1")
    vibrato = 1.0 if options.vibrato is None else options.vibrato
    if not 0 <= vibrato <= 2:
        raise ModelError(f"--vibrato {vibrato}: is from 0, none, to 2, a soloist's")
    return Settings(steps, guidance, strength, vocoder, follow, options.bend, vibrato)


def drawn_seed(seed: int | None) -> int:
    """The seed asked for, or a fresh one."""
    return int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
