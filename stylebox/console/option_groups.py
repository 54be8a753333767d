"""Options that belong together as one dataclass: a command takes the group, the command line shows its options.

A group is a parameter without default whose annotation is a dataclass; its fields are options of `options.py`.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from stylebox.console import options as opt
from stylebox.console import record_options as rec
from stylebox.console.choices import VocoderName

if TYPE_CHECKING:
    from stylebox.core.jobs.batch import Naming, Part
    from stylebox.core.pipeline.options import TransferOptions


@dataclass(frozen=True, kw_only=True)
class Playing:
    """How a style plays; see `TransferOptions`."""

    steps: opt.Steps = None
    guidance: opt.Guidance = None
    strength: opt.Strength = None
    seed: opt.Seed = None
    transpose: opt.Transpose = None
    follow: opt.Follow = None
    bend: opt.Bend = None
    vibrato: opt.Vibrato = None
    vocoder: opt.Vocoder = VocoderName.auto

    def in_style(self, style: str) -> "TransferOptions":
        """The options of a transfer to a style."""
        from stylebox.core.pipeline.options import TransferOptions

        return TransferOptions(style, **{**vars(self), "vocoder": self.vocoder.value})


@dataclass(frozen=True, kw_only=True)
class Sound:
    """How a result is mixed and written; see `OutputFormat`."""

    mix: opt.Mix = None
    mono: opt.Mono = False
    sample_rate: opt.SampleRate = None
    bits: opt.Bits = None

    def of(self, options: "TransferOptions") -> "TransferOptions":
        """The options of a transfer with this sound."""
        from stylebox.core.pipeline.options import OutputFormat

        bits = None if self.bits is None else int(self.bits.value)
        return replace(options, mix=self.mix, output=OutputFormat(self.sample_rate, bits, self.mono))


@dataclass(frozen=True, kw_only=True)
class Batch:
    """How the files of a batch are named and shared out."""

    format: opt.Format = None
    name: opt.NamePattern = None
    part: opt.Part = None
    jobs: opt.TransferJobs = 1

    def naming(self) -> "Naming":
        """Pattern and format of the outputs' names."""
        from stylebox.core.jobs.batch import Naming

        chosen = {"pattern": self.name, "format": self.format and self.format.value}
        return Naming(**{key: value for key, value in chosen.items() if value is not None})

    def share(self) -> "Part":
        """The share of the files that this run transfers."""
        from stylebox.core.jobs.batch import Part

        return Part(self.part.number, self.part.count) if self.part else Part()


@dataclass(frozen=True, kw_only=True)
class Microphone:
    """What is recorded, and for how long."""

    seconds: rec.TakeSeconds = None
    audio_input: rec.AudioInput = None
    channel: rec.Channel = None


def flat_parameters(command: Callable[..., None]) -> Iterator[inspect.Parameter]:
    """The parameters of a command, with the fields of a group in the place of the group."""
    for parameter in inspect.signature(command).parameters.values():
        if not is_dataclass(parameter.annotation):
            yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            continue
        for field in fields(parameter.annotation):
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            yield inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=field.type)


def grouped(command: Callable[..., None], values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a command, from the values of its flat parameters: fields gathered to their groups."""
    arguments: dict[str, Any] = dict(values)
    for name, parameter in inspect.signature(command).parameters.items():
        group = parameter.annotation
        if is_dataclass(group) and isinstance(group, type):
            arguments[name] = group(**{field.name: arguments.pop(field.name) for field in fields(group)})
    return arguments
