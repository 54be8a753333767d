"""The optimiser, and its state as named tensors. Knows parameters and their names; knows no stage and no file."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import nn

from stylebox.core.config import TrainConfig
from stylebox.core.errors import ModelError
from stylebox.core.store.weights import shape_words


def trainable_parameters(parts: Mapping[str, nn.Module], names: Iterable[str]) -> dict[str, nn.Parameter]:
    """The parameters of some parts that require gradients, as ``part.key``."""
    return {
        f"{name}.{key}": parameter
        for name in names
        for key, parameter in parts[name].named_parameters()
        if parameter.requires_grad
    }


def make_optimizer(
    parameters: Iterable[nn.Parameter], config: TrainConfig, device: torch.device
) -> torch.optim.Optimizer:
    """AdamW; gains and biases have no weight decay.

    Args:
        parameters: To train.
        config: Learning rate, betas and weight decay.
        device: Where the parameters are.
    """
    known = list(parameters)
    groups = [
        {"params": [p for p in known if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in known if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=config.betas,
        fused=device.type in ("cuda", "cpu"),
    )


def optimizer_tensors(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter]
) -> dict[str, torch.Tensor]:
    """The optimiser's state as ``parameter/quantity``; a parameter that never moved has none.

    Args:
        optimizer: Of `parameters`.
        parameters: By name.

    Shape:
        A quantity is a scalar or has its parameter's shape.
    """
    return {
        f"{name}/{quantity}": torch.as_tensor(value)
        for name, parameter in parameters.items()
        for quantity, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer(
    optimizer: torch.optim.Optimizer,
    parameters: Mapping[str, nn.Parameter],
    tensors: Mapping[str, torch.Tensor],
    where: Path | str,
) -> None:
    """Restore the state that `optimizer_tensors` returned.

    Args:
        optimizer: Of `parameters`.
        parameters: By name.
        tensors: As ``parameter/quantity``.
        where: The file, for the error.

    Shape:
        A quantity is a scalar or has its parameter's shape.

    Raises:
        ModelError: `tensors` names a parameter that the optimiser does not have, or has another shape.
    """
    memory: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        name, _, quantity = key.rpartition("/")
        if name not in parameters:
            raise ModelError(f"{where}: {key} is unexpected; it belongs to another network")
        parameter = parameters[name]
        if value.dim() and value.shape != parameter.shape:
            raise ModelError(
                f"{where}: {key} has shape {shape_words(value)}, this network needs {shape_words(parameter)}"
            )
        # the same memory format as the parameter: sums then run in the same order as in an uninterrupted run
        laid_out = torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value.clone()
        memory.setdefault(name, {})[quantity] = laid_out.detach()
    groups = optimizer.state_dict()["param_groups"]
    ordered = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    index = {id(parameter): number for number, parameter in enumerate(ordered)}
    state = {index[id(parameters[name])]: quantities for name, quantities in memory.items()}
    optimizer.load_state_dict({"state": state, "param_groups": groups})
