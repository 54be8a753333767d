"""Training state on disk: safetensors and JSON, whole or not at all, checked when read.

Knows tensors, names and files. Nothing is ever pickled or unpickled, so that a stranger's checkpoint can hold
numbers and text and no code. Knows nothing of stages, losses or the loop.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from stylebox.core import paths
from stylebox.core.errors import ModelError
from stylebox.core.store.weights import load_weights, save_weights, shape_words

STATE_FILE = "state.json"
STATE_VERSION = 1


def save_state(directory: Path, step: int, tensors: Mapping[str, torch.Tensor], document: dict[str, Any]) -> None:
    """Make this the state that `load_state` finds in `directory`.

    The tensors go to a file of their own; replacing the small JSON file that names it is the moment of
    change, so that a process killed at any point leaves the earlier state or this one. Older files are
    deleted last.
    """
    name = f"state-{step:09d}.safetensors"
    save_weights(directory / name, tensors)
    whole = {"version": STATE_VERSION, "step": step, "tensors": name} | document
    paths.write_text(directory / STATE_FILE, json.dumps(whole, indent=2) + "\n")
    for pattern in ("state-*.safetensors", ".state*.part.*"):
        for path in directory.glob(pattern):
            if path.name != name:
                path.unlink(missing_ok=True)


def load_state(directory: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """Tensors and document (with "step") of the state kept in `directory`; None if there is none.

    Raises:
        ModelError: The state is damaged or was written by another version.
    """
    path = directory / STATE_FILE
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version, name = document["version"], Path(document["tensors"]).name
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(f"{path}: not a training state; delete the folder to start again") from None
    if version != STATE_VERSION:
        raise ModelError(f"{path}: version {version} of the training state, this stylebox reads {STATE_VERSION}")
    return load_weights(directory / name)[0], document


def discard_state(directory: Path) -> None:
    """Forget the state kept in `directory`, if there is one."""
    (directory / STATE_FILE).unlink(missing_ok=True)
    for path in directory.glob("state-*.safetensors"):
        path.unlink(missing_ok=True)


def optimizer_tensors(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter]
) -> dict[str, torch.Tensor]:
    """The optimiser's memory as ``parameter/quantity``; a parameter it never moved has none."""
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
    """Give the optimiser the memory that `optimizer_tensors` returned.

    Raises:
        ModelError: `tensors` speaks of a parameter the optimiser does not have, or of another shape.
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
        # laid out like the parameter: sums over memory then run in the same order as in an unbroken run
        laid_out = torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value.clone()
        memory.setdefault(name, {})[quantity] = laid_out.detach()
    groups = optimizer.state_dict()["param_groups"]
    ordered = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    index = {id(parameter): number for number, parameter in enumerate(ordered)}
    state = {index[id(parameters[name])]: quantities for name, quantities in memory.items()}
    optimizer.load_state_dict({"state": state, "param_groups": groups})
