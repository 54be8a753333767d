"""What a user may ask of a transfer, and the settings that follow from it once a model has filled the gaps.

Knows no network.
"""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from functools import cached_property

import numpy as np

from stylebox.core.config import DiffusionConfig
from stylebox.core.errors import ModelError
from stylebox.core.music.notes import Note
from stylebox.core.music.register import Register, octave_shift
from stylebox.core.pipeline.style_spec import StyleSpec

LEAST_RATE = 44100  # Hz; of outputs, unless another one is asked for
VOCODERS = ("auto", "neural", "harmonic", "griffin-lim")


@dataclass(frozen=True)
class OutputFormat:
    """How a result is written; None keeps what the input has.

    Attributes:
        sample_rate: In Hz; unless given the input's, but at least 44.1 kHz.
        bits: 16, 24 or 32 per sample.
        mono: Whether all channels are folded to one.
        format: Of the file, such as "mp3"; None is wav.
    """

    sample_rate: int | None = None
    bits: int | None = None
    mono: bool = False
    format: str | None = None

    def rate_for(self, sample_rate: int) -> int:
        """The rate of the output for an input of this rate, in Hz."""
        return self.sample_rate or max(sample_rate, LEAST_RATE)


@dataclass(frozen=True)
class TransferOptions:
    """What a user asks for; None leaves the choice to the model.

    Attributes:
        style: A name, an audio file, or a blend ``a:0.7,b:0.3``.
        steps: Network calls of the diffusion; 0 gives the draft.
        guidance: Classifier-free guidance scale; 1 disables guidance.
        strength: Where the noised draft starts, in [0, 1]; 1 is pure noise, 0 is the draft.
        seed: Of all noise; drawn at random unless given.
        transpose: Semitones; None moves by octaves into the register of the style.
        vocoder: "auto", "neural", "harmonic" or "griffin-lim".
        follow: How closely the output follows the input's loudness, in [0, 1]: 0 over phrases, 1 at each moment.
        bend: Share of the input's slides, vibrato and tuning that the output takes on, in [0, 1]; None depends on the
            instrument: all where it is bowed or blown, none where it is struck, little where it is plucked.
        vibrato: Depth of the instrument's own vibrato on long notes without one in the input, in [0, 2]; None is 1.
        mix: Share of the transfer in the power of the result, in [0, 1]; the rest is the input. None is 1.
        output: How the result is written.
    """

    style: str
    _: KW_ONLY
    steps: int | None = None
    guidance: float | None = None
    strength: float | None = None
    seed: int | None = None
    transpose: int | None = None
    vocoder: str = "auto"
    follow: float | None = None
    bend: float | None = None
    vibrato: float | None = None
    mix: float | None = None
    output: OutputFormat = OutputFormat()

    @cached_property
    def spec(self) -> StyleSpec:
        """The style, parsed.

        Raises:
            ModelError: a weight is not a number from 0 up.
        """
        return StyleSpec.parse(self.style)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one transfer is made with: every option has its value.

    Attributes:
        style: As it was asked for.
        seed: Of all noise.
        transpose: Semitones from the input to the output.
        into_register: Whether the transposition is chosen by the style's register.
        steps: Network calls of the diffusion.
        guidance: Classifier-free guidance scale.
        strength: Where the noised draft starts.
        vocoder: "neural", "harmonic" or "griffin-lim".
        follow: How closely the output follows the input's loudness.
        bend: Share of the input's bends; None depends on the instrument.
        vibrato: Depth of the instrument's own vibrato.
        mix: Share of the transfer in the power of the result.
        output: How the result is written, as far as it was asked for.
    """

    style: str
    seed: int
    transpose: int
    into_register: bool
    steps: int
    guidance: float
    strength: float
    vocoder: str
    follow: float
    bend: float | None
    vibrato: float
    mix: float = 1.0
    output: OutputFormat = OutputFormat()

    @property
    def diffuses(self) -> bool:
        """Whether the draft is refined at all."""
        return self.steps > 0 and self.strength > 0

    def for_music(self, notes: Sequence[Note], register: Register | None) -> "Settings":
        """The same settings with the transposition that these notes need.

        Args:
            notes: Of the input.
            register: Of the style; None where it is unknown.
        """
        return replace(self, transpose=octave_shift(list(notes), register)) if self.into_register else self

    def details(self) -> dict[str, float | str | None]:
        """All but the style, the seed, the transposition and the format, by name."""
        apart = {"style", "seed", "transpose", "into_register", "output"}
        return {name: value for name, value in asdict(self).items() if name not in apart}


def resolve(options: TransferOptions, own: DiffusionConfig, vocoder: str) -> Settings:
    """Fill the gaps in the options and draw a seed.

    Args:
        options: What the user asks for.
        own: The model's defaults of the diffusion.
        vocoder: The vocoder that ``auto`` or the user's choice comes down to.

    Raises:
        ModelError: an option is out of range.
    """
    steps = own.steps if options.steps is None else options.steps
    guidance = own.guidance if options.guidance is None else options.guidance
    strength = own.strength if options.strength is None else options.strength
    follow = 0.0 if options.follow is None else options.follow
    vibrato = 1.0 if options.vibrato is None else options.vibrato
    mix = 1.0 if options.mix is None else options.mix
    if not math.isfinite(guidance):
        raise ModelError(f"--guidance {guidance}: is not a finite number; 1 disables guidance, 2 is strong")
    if steps < 0 or not 0 <= strength <= 1:
        raise ModelError(f"--steps {steps} --strength {strength}: steps must be 0 or more, strength from 0 to 1")
    if not 0 <= follow <= 1:
        raise ModelError(f"--follow {follow}: must be from 0 (over phrases) to 1 (at each moment)")
    if options.bend is not None and not 0 <= options.bend <= 1:
        raise ModelError(f"--bend {options.bend}: must be from 0 (no bends) to 1 (all of them)")
    if not 0 <= vibrato <= 2:
        raise ModelError(f"--vibrato {vibrato}: must be from 0 (none) to 2 (twice the usual depth)")
    if not 0 <= mix <= 1:
        raise ModelError(f"--mix {mix}: must be from 0 (the input alone) to 1 (the transfer alone)")
    return Settings(
        style=options.style,
        seed=drawn_seed(options.seed),
        transpose=options.transpose or 0,
        into_register=options.transpose is None,
        steps=steps,
        guidance=guidance,
        strength=strength,
        vocoder=vocoder,
        follow=follow,
        bend=options.bend,
        vibrato=vibrato,
        mix=mix,
        output=options.output,
    )


def drawn_seed(seed: int | None) -> int:
    """The seed that was given, or a random one."""
    return int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
