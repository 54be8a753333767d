"""What a stage of training offers the loop: its parts, its batches, its losses, its validation.

A stage knows its networks and its data. It knows no optimiser, no step count beyond the one it is handed, and
no file; the loop owns those.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import nn

Batch = dict[str, torch.Tensor]


class Stage(Protocol):
    """One thing that can be trained.

    A stage may also offer, and the loop then uses:

    * ``frozen: Mapping[str, nn.Module]``: networks it needs but neither trains nor saves. The loop moves
      them to the device, puts them in evaluation mode and takes their gradients away.
    * ``settings: Mapping[str, Any]``: what its networks and its data were built with (sizes, mel settings),
      as JSON would hold it. Written beside the weights; a resumed run must have the same.
    * ``provenance: Mapping[str, Any]``: what else a reader should know (recordings, licences). Written, not
      compared.
    * ``export() -> Mapping[str, Tensor]``: tensors to store with the weights (a style library). Called in
      evaluation mode, with averaged weights, without gradients.
    * ``finish()``: called once when `fit` has saved everything.
    """

    name: str
    """Short and unique within a model: "vae", "ldm", "content", "vocoder"."""
    parts: Mapping[str, nn.Module]
    """Every network that is saved, by name. One that no group names is saved but stays as it is."""
    groups: Mapping[str, Sequence[str]]
    """Names of the parts each optimiser trains, in order. The first group is the model; later ones are
    adversaries, kept in the training state and never exported."""

    def batch(self, step: int) -> Batch:
        """Training material of one step, on the CPU.

        Depends on the step and the stage's seed alone, so that resumed runs see the data of unbroken ones.
        Called from another thread, ahead of time.
        """
        ...

    def losses(self, batch: Batch, generator: torch.Generator, group: str) -> dict[str, torch.Tensor]:
        """Scalars; "loss" is the one `group` descends, the rest is shown.

        Args:
            batch: What `batch` returned, on the device.
            generator: The only source of randomness, on the device.
            group: Key of `groups`.
        """
        ...

    def validate(self, generator: torch.Generator) -> dict[str, float]:
        """Scalars over held-out recordings; "loss" decides which weights are best, less is better.

        Called in evaluation mode, with averaged weights, without gradients. The generator lives on the device
        (``generator.device``) and starts from the same seed each time, so that two validations compare.
        """
        ...


def frozen_parts(stage: Stage) -> dict[str, nn.Module]:
    """Networks the stage uses and does not train: its ``frozen``, and parts that no group names."""
    trained = {part for names in stage.groups.values() for part in names}
    idle = {name: part for name, part in stage.parts.items() if name not in trained}
    extra: Mapping[str, nn.Module] = getattr(stage, "frozen", {})
    return idle | dict(extra)


def exported_parts(stage: Stage) -> dict[str, nn.Module]:
    """Parts whose weights leave training: all but the adversaries'."""
    adversaries = {part for names in list(stage.groups.values())[1:] for part in names}
    return {name: part for name, part in stage.parts.items() if name not in adversaries}


def stage_notes(stage: Stage, which: str) -> dict[str, Any]:
    """The stage's ``settings`` or ``provenance``, empty if it offers none."""
    return dict(getattr(stage, which, {}))


@contextmanager
def eval_mode(*modules: nn.Module) -> Iterator[None]:
    """Evaluation mode within the block; each submodule then gets back the mode it had."""
    before = [(module, module.training) for root in modules for module in root.modules()]
    try:
        for root in modules:
            root.eval()
        yield
    finally:
        for module, training in before:
            module.training = training
