"""The training state on disk: safetensors and JSON, written atomically and checked when read.

Nothing is pickled, so a checkpoint from a stranger cannot run code. Knows tensors, names and files; knows nothing of
stages, losses or the training loop.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from stylebox.core import paths
from stylebox.core.errors import ModelError
from stylebox.core.store.weights import load_weights, save_weights

STATE_FILE = "state.json"
STATE_VERSION = 1
CHANGEABLE = frozenset(
    {"steps", "learning_rate", "validate_every", "checkpoint_minutes"} | {"guidance", "strength"}  # of sampling
)
"""Keys of the configuration that a resumed run may change."""


def save_state(directory: Path, step: int, tensors: Mapping[str, torch.Tensor], document: dict[str, Any]) -> None:
    """Make this the state that `load_state` finds in `directory`.

    The tensors go to a new file; the switch is the replacement of the small JSON file that names it. A process killed
    at any moment leaves the earlier state or this one. Older files are deleted last.

    Args:
        directory: Where the state is kept.
        step: Steps done.
        tensors: Weights, averages and optimiser states, by name.
        document: JSON values.

    Shape:
        Tensors have any shape.
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
    """Tensors and document (with "step") of the state in `directory`; None if there is none.

    Shape:
        Tensors have the shapes they were saved with.

    Raises:
        ModelError: The state is damaged or was written by another version.
    """
    path = directory / STATE_FILE
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        version, name = document["version"], Path(document["tensors"]).name
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise ModelError(f"{path}: not a training state; delete the folder to start again") from None
    if version != STATE_VERSION:
        raise ModelError(f"{path}: version {version} of the training state, this stylebox reads {STATE_VERSION}")
    return load_weights(directory / name)[0], document


def discard_state(directory: Path) -> None:
    """Delete the state in `directory`, if there is one."""
    (directory / STATE_FILE).unlink(missing_ok=True)
    for path in directory.glob("state-*.safetensors"):
        path.unlink(missing_ok=True)


def tensors_below(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with `prefix`, named without it.

    Shape:
        Unchanged.
    """
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def refuse_other_settings(saved: Mapping[str, Any], current: Mapping[str, Any], where: Path) -> None:
    """Check that a run was started with the current settings; `CHANGEABLE` ones may differ.

    Args:
        saved: Sections of the saved run.
        current: Sections of the run that wants to resume it.
        where: The file of the saved run, for the error.

    Raises:
        ModelError: Names the first key that differs, with both values.
    """
    before, after = ({key: _flat(document.get(key, {})) for key in current} for document in (saved, current))
    for section in current:
        for key in sorted(before[section].keys() | after[section].keys()):
            was, is_now = before[section].get(key), after[section].get(key)
            if was != is_now and key.rpartition(".")[2] not in CHANGEABLE:
                raise ModelError(
                    f"{where}: begun with {section}.{key} = {was}, now it is {is_now}; "
                    f"set it back to {was}, or train under another --name"
                )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
