"""Weights on disk: safetensors with what is known of them, checked name by name when read.

Nothing is ever pickled or unpickled, so that a stranger's file can hold numbers and text and no code. Knows nothing of
training.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from stylebox.core import paths
from stylebox.core.errors import ModelError, error_reason

HEADER = "stylebox"
"""Entry of a safetensors header that holds our metadata as JSON."""


def save_weights(
    path: Path,
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, Any] | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Write tensors and what is known of them as one safetensors file.

    Args:
        path: Where to.
        tensors: By name.
        metadata: Any JSON values by name; kept in the file's header.
        dtype: Floating tensors are stored as this (``torch.float16`` halves the file), except those whose
            values it cannot hold. None keeps what they are.
    """
    ready = {name: _stored(tensor.detach().cpu(), dtype) for name, tensor in tensors.items()}
    # one entry: the format does not keep the order of several, and equal models should be equal files
    header = {HEADER: json.dumps(metadata)} if metadata else None
    with paths.atomic_path(path) as partial:
        save_file(ready, partial, header)


def load_weights(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and metadata of a file that `save_weights` (or another writer of safetensors) wrote.

    Raises:
        ModelError: There is no such file, or it is not a whole safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            return tensors, _decoded(file.metadata() or {})
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; train a model or name one that is there") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path}: not a whole safetensors file ({error_reason(error)})") from None


def load_metadata(path: Path) -> dict[str, Any]:
    """What `load_weights` returns as metadata, without reading the tensors.

    Raises:
        ModelError: There is no such file, or it is not a safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return _decoded(file.metadata() or {})
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; train a model or name one that is there") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path}: not a whole safetensors file ({error_reason(error)})") from None


@torch.no_grad()
def load_into(
    module: nn.Module, tensors: Mapping[str, torch.Tensor], prefix: str = "", where: Path | str = "weights"
) -> None:
    """Fill every parameter and buffer of `module` from the tensors named ``prefix + key``, all or nothing.

    Args:
        module: Keeps its device, dtype and memory layout.
        tensors: May hold other names; those that start with `prefix` must all belong to `module`.
        prefix: For example ``"draft."``.
        where: The file the tensors come from, for the message.

    Raises:
        ModelError: A tensor is missing, unexpected, or of another shape or kind.
    """
    wanted = {f"{prefix}{key}": tensor for key, tensor in module.state_dict().items()}
    check_names(wanted, (name for name in tensors if name.startswith(prefix)), where)
    for name, target in wanted.items():
        source = tensors[name]
        if source.shape != target.shape:
            raise ModelError(
                f"{where}: {name} has shape {shape_words(source)}, this network needs {shape_words(target)}; "
                "it was made with other settings"
            )
        if source.is_floating_point() != target.is_floating_point():
            raise ModelError(f"{where}: {name} holds {source.dtype}, this network needs {target.dtype}")
    for name, target in wanted.items():
        target.copy_(tensors[name])


def check_names(wanted: Iterable[str], found: Iterable[str], where: Path | str) -> None:
    """Raise unless both name the same tensors.

    Raises:
        ModelError: Names the first missing or unexpected tensor.
    """
    wanted, found = set(wanted), set(found)
    if missing := sorted(wanted - found):
        raise ModelError(f"{where}: {missing[0]} is missing{_and_more(missing)}; it belongs to another network")
    if extra := sorted(found - wanted):
        raise ModelError(f"{where}: {extra[0]} is unexpected{_and_more(extra)}; it belongs to another network")


def copy_weights(source: Path, target: Path) -> None:
    """Put a copy of a weights file, and of the JSON file beside it, in place of what is at `target`."""
    for suffix in (".safetensors", ".json"):
        with paths.atomic_path(target.with_suffix(suffix)) as partial:
            shutil.copyfile(source.with_suffix(suffix), partial)


def fingerprint(module: nn.Module) -> str:
    """Twelve hex digits that change with any weight, but not when weights are stored in half precision."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().half().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def _stored(tensor: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
    """Plain layout, own memory, and the smaller type if its range suffices."""
    if dtype is not None and tensor.is_floating_point():
        smaller = tensor.to(dtype)
        if torch.equal(smaller.isfinite(), tensor.isfinite()):
            tensor = smaller
    return tensor.clone(memory_format=torch.contiguous_format)


def _decoded(header: Mapping[str, str]) -> dict[str, Any]:
    """The metadata in the header of a file of ours; another writer's header as it is."""
    try:
        ours = json.loads(header.get(HEADER, ""))
    except json.JSONDecodeError:
        ours = None
    return ours if isinstance(ours, dict) else dict(header)


def shape_words(tensor: torch.Tensor) -> str:
    return "x".join(str(size) for size in tensor.shape) or "of a scalar"


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
