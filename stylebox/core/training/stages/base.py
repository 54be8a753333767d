"""What a training stage gives the training loop: networks, batches, losses and a validation.

A stage knows its networks and its data. It knows no optimiser, no checkpoint and no file of weights.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from stylebox.core.config import TrainConfig
from stylebox.core.errors import ConfigError
from stylebox.core.training.material import Material

Batch = dict[str, torch.Tensor]


class Stage(ABC):
    """One part of a model under training.

    Attributes:
        name: Short and unique within a model, for example "vae".
        parts: Every network that is saved, by name. A part that no group names is saved unchanged.
        groups: The parts that each optimiser trains, in order. The first group is the model. Later groups are
            adversaries: the training state keeps them, an export does not.
        frozen: Networks that the stage uses but neither trains nor saves. The trainer moves them to the device
            and puts them in evaluation mode without gradients.
        settings: Sizes and mel settings as JSON values. They are saved with the weights, and a resumed run must
            have the same ones.
        provenance: Facts for the reader of the weights (recordings, instruments). Saved, not compared.
        share: The examples of each batch that this process computes. The batch as a whole does not depend on it.
    """

    name: ClassVar[str]
    parts: Mapping[str, nn.Module]
    groups: Mapping[str, Sequence[str]]
    frozen: Mapping[str, nn.Module]
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    share: slice = slice(None)

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        """Start with all `parts` in one group called "model"; a subclass changes the attributes it needs to.

        Args:
            parts: Networks to train, by name.
        """
        self.parts = dict(parts)
        self.groups = {"model": list(parts)}
        self.frozen = {}
        self.settings = {}
        self.provenance = {}

    def place_data(self, device: torch.device, limit: int | None = None) -> None:  # noqa: B027 (some read from disk)
        """Copy the training material to the device, if it fits; see `FrameStore.place`."""

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """Training material of one step, this process' `share` of it, on the CPU: what `expand` needs.

        The result depends on the step and the seed alone, so a resumed run sees the same data as an uninterrupted
        one. A background thread calls this ahead of time.

        Shape:
            The first axis of every tensor is the batch.
        """

    def expand(self, batch: Batch) -> Batch:
        """What `losses` needs, from the result of `batch` on the device.

        Shape:
            The first axis of every tensor is the batch.
        """
        return batch

    @abstractmethod
    def losses(self, batch: Batch, generator: torch.Generator, group: str) -> dict[str, torch.Tensor]:
        """Compute the losses of one batch: "loss" is minimised for `group`, the others are logged.

        Args:
            batch: What `expand` returned.
            generator: The only source of randomness, on the device.
            group: A key of `groups`.

        Shape:
            Every loss is a scalar.
        """

    @abstractmethod
    def validate(self, generator: torch.Generator) -> dict[str, float]:
        """Score held-out recordings; a smaller "loss" is better and decides which weights are kept.

        Runs in evaluation mode with averaged weights and without gradients. The generator has the same seed at each
        validation, so that two validations can be compared.
        """

    def export(self) -> dict[str, torch.Tensor]:
        """Tensors to save with the weights, such as a style library. Runs under the conditions of `validate`.

        Shape:
            Any; each tensor has a name of its own.
        """
        return {}

    def constant_parts(self) -> dict[str, nn.Module]:
        """Networks that no optimiser moves: `frozen`, and the parts that no group names."""
        trained = {part for names in self.groups.values() for part in names}
        return {name: part for name, part in self.parts.items() if name not in trained} | dict(self.frozen)

    def frozen_by(self, names: Sequence[str]) -> dict[str, nn.Module]:
        """The parts of these names, which a configuration keeps unchanged.

        Raises:
            ConfigError: The stage has no such part.
        """
        for name in names:
            if name not in self.parts:
                raise ConfigError(f"train.{self.name}: frozen: no part {name!r}; there are: {', '.join(self.parts)}")
        return {name: self.parts[name] for name in names}

    def exported_parts(self) -> dict[str, nn.Module]:
        """Parts whose weights are exported: all but the adversaries."""
        adversaries = {part for names in list(self.groups.values())[1:] for part in names}
        return {name: part for name, part in self.parts.items() if name not in adversaries}


class MaterialStage(Stage):
    """A stage that draws its batches from `Material`.

    Attributes:
        config: Of this stage's training.
        material: Gives the source of each batch.
    """

    config: TrainConfig
    material: Material

    def place_data(self, device: torch.device, limit: int | None = None) -> None:
        """See `Stage.place_data`."""
        self.material.place(device, limit)

    def batch(self, step: int) -> Batch:
        """Random training material of one step; see `Stage.batch`.

        Shape:
            See `Source.fetch`.
        """
        rng = np.random.default_rng((self.config.seed, step))
        return self.material.at(step).fetch(rng, self.config.batch_size, self.share)

    def expand(self, batch: Batch) -> Batch:
        """See `Stage.expand`.

        Shape:
            See `Source.expand`.
        """
        return self.material.latest.expand(batch)


@contextmanager
def eval_mode(*modules: nn.Module) -> Iterator[None]:
    """Evaluation mode within the block; afterwards each submodule returns to the mode it had."""
    before = [(module, module.training) for root in modules for module in root.modules()]
    try:
        for root in modules:
            root.eval()
        yield
    finally:
        for module, training in before:
            module.training = training
