"""Optimiser steps of a stage. The program does not wait for the device: losses stay there until somebody reads them.

A loss or a gradient that is not finite moves nothing, and neither does any later step: the device itself holds the
optimisers back, so the last good weights are still there when the program notices.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from stylebox.core.config import TrainConfig
from stylebox.core.errors import ConfigError
from stylebox.core.training import accelerator as processes
from stylebox.core.training.checkpoint import tensors_below
from stylebox.core.training.optimizer import load_optimizer, make_optimizer, optimizer_tensors, trainable_parameters
from stylebox.core.training.profile import Profile
from stylebox.core.training.stages.base import Batch, Stage

if TYPE_CHECKING:
    from accelerate import Accelerator


class Descent:
    """The optimisers of a stage, one per group.

    Attributes:
        moved: Whether an optimiser has moved weights since the caller last cleared this.
    """

    def __init__(self, stage: Stage, config: TrainConfig, accelerator: "Accelerator", profile: Profile) -> None:
        """Make the optimisers of a stage whose networks are on the device.

        Args:
            stage: What is trained.
            config: Optimiser settings.
            accelerator: The device and the processes.
            profile: Measures the phases of a step.

        Raises:
            ConfigError: A group has nothing to train.
        """
        self.stage, self.config, self.accelerator, self.profile = stage, config, accelerator, profile
        self.parameters = {group: trainable_parameters(stage.parts, names) for group, names in stage.groups.items()}
        if idle := [group for group, parameters in self.parameters.items() if not parameters]:
            raise ConfigError(f"train.{stage.name}: frozen leaves nothing to train in {idle[0]!r}")
        device = accelerator.device
        self.optimizers = {
            group: make_optimizer(parameters.values(), config, device) for group, parameters in self.parameters.items()
        }
        self.moved = False
        self._diverged = torch.zeros((), device=device)

    def step(self, group: str, batch: Batch, generator: torch.Generator, rate: float) -> tuple[list[str], Tensor]:
        """One step of a group's optimiser.

        Args:
            group: Of the stage.
            batch: What the stage's `losses` needs.
            generator: Source of all randomness.
            rate: The learning rate.

        Returns:
            The names of the losses, and their means over all processes, with the norm of the gradient as the last.

        Shape:
            The means are ``(number of losses + 1,)``, on the device.
        """
        optimizer, own = self.optimizers[group], list(self.parameters[group].values())
        for other, parameters in self.parameters.items():
            for parameter in parameters.values():
                parameter.requires_grad_(other == group)
        torch.manual_seed(generator.initial_seed())  # for nn.Dropout; `reproducible` restores the global state
        with self.profile.phase("forward"), self.accelerator.autocast():
            losses = self.stage.losses(batch, generator, group)
        with self.profile.phase("backward"):
            optimizer.zero_grad(set_to_none=True)
            self.accelerator.backward(losses["loss"])
            processes.average_gradients(self.accelerator, own)
            norm = nn.utils.clip_grad_norm_(own, self.config.clip)
        scalars = torch.stack([value.detach().float().reshape(()) for value in losses.values()])
        means = processes.mean_over_processes(self.accelerator, scalars)
        means = torch.cat([means, norm.detach().float().reshape(1)])
        names = list(losses)
        finite = torch.stack([means[names.index("loss")], means[-1]]).isfinite().all()
        self._diverged = torch.maximum(self._diverged, (~finite).float())
        with self.profile.phase("optimiser"):
            self._move(optimizer, rate)
        return names, means

    def _move(self, optimizer: torch.optim.Optimizer, rate: float) -> None:
        """Move the weights, unless the run has diverged."""
        for settings in optimizer.param_groups:
            settings["lr"] = rate
        self.moved = True
        if optimizer.defaults["fused"]:  # looks at the flag on the device
            optimizer.grad_scale, optimizer.found_inf = None, self._diverged  # type: ignore[attr-defined]
            optimizer.step()
        elif not bool(self._diverged):
            optimizer.step()

    def tensors(self) -> dict[str, Tensor]:
        """The state of all optimisers as ``group/parameter/quantity``.

        Shape:
            See `optimizer_tensors`.
        """
        return {
            f"{group}/{name}": tensor
            for group, optimizer in self.optimizers.items()
            for name, tensor in optimizer_tensors(optimizer, self.parameters[group]).items()
        }

    def settings(self) -> dict[str, list[dict[str, Any]]]:
        """The settings of all optimisers, as JSON values."""
        return {
            group: [{k: v for k, v in settings.items() if k != "params"} for settings in optimizer.param_groups]
            for group, optimizer in self.optimizers.items()
        }

    def load(self, tensors: Mapping[str, Tensor], where: Path | str) -> None:
        """Restore what `tensors` returned.

        Args:
            tensors: As ``group/parameter/quantity``.
            where: The file, for the error.

        Shape:
            See `optimizer_tensors`.

        Raises:
            ModelError: The tensors belong to another network.
        """
        for group, optimizer in self.optimizers.items():
            load_optimizer(optimizer, self.parameters[group], tensors_below(tensors, f"{group}/"), where)
