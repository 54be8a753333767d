"""Weights files: safetensors with metadata, checked name by name when they are loaded.

Nothing is pickled or unpickled, so that a file from elsewhere holds numbers and text and no code. Knows nothing of
training.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from stylebox.core import files
from stylebox.core.errors import ModelError, error_reason
from stylebox.core.json_text import parse_json

HEADER = "stylebox"
"""Entry of a safetensors header that holds the metadata as JSON."""
_SYSTEM_ERROR = re.compile(r"(?:os error |Os \{ code: )(\d+)")  # an error of the disk, as new and old releases word it
RENAMED = {".enter.": ".conv_in.", ".leave.": ".conv_out.", ".widen.": ".up.", ".narrow.": ".down."}
"""Parts of parameter names in earlier files, the shipped ones among them, and what they are called now."""


def save_weights(
    path: Path,
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, Any] | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Write tensors and metadata as one safetensors file.

    Args:
        path: The file.
        tensors: By name.
        metadata: JSON values by name; stored in the header of the file.
        dtype: Type of stored floating-point tensors (``torch.float16`` halves the file), except those with values
            that it cannot represent. None keeps the type of each tensor.

    Shape:
        Tensors of any shape.
    """
    ready = {name: _stored(tensor.detach().cpu(), dtype) for name, tensor in tensors.items()}
    # one entry, because the format does not keep the order of several; equal models give equal files
    header = {HEADER: json.dumps(metadata)} if metadata else None
    with files.atomic_path(path) as partial:
        try:
            save_file(ready, partial, header)
        except SafetensorError as error:
            code = _SYSTEM_ERROR.search(str(error))
            if code is None:
                raise
            raise OSError(int(code[1]), os.strerror(int(code[1])), str(path)) from error


def load_weights(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Load the tensors and the metadata of a safetensors file.

    Returns:
        ``(tensors, metadata)``; the metadata of `save_weights`, or the header that another program wrote.

    Shape:
        Tensors of any shape.

    Raises:
        ModelError: There is no such file, or it is not a complete safetensors file.
    """
    with _opened(path) as file:
        tensors = {_present_name(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        return tensors, _decoded(file.metadata() or {})


def load_metadata(path: Path) -> dict[str, Any]:
    """Load the metadata of a safetensors file, without its tensors.

    Raises:
        ModelError: There is no such file, or it is not a safetensors file.
    """
    with _opened(path) as file:
        return _decoded(file.metadata() or {})


def group_of(metadata: dict[str, Any], *names: str) -> dict[str, Any]:
    """A group of values in the metadata of a file, perhaps of a stranger's; empty if it is missing or no group.

    >>> group_of({"config": {"mel": {"n_mels": 80}}}, "config", "mel"), group_of({"config": 5}, "config", "mel")
    ({'n_mels': 80}, {})
    """
    found: Any = metadata
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


@torch.no_grad()
def load_into(
    module: nn.Module, tensors: Mapping[str, torch.Tensor], prefix: str = "", where: Path | str = "weights"
) -> None:
    """Copy tensors into every parameter and buffer of a module; if one does not fit, none is copied.

    Args:
        module: Keeps its device, dtype and memory layout.
        tensors: Named ``prefix + key``. Other names are allowed if they do not start with `prefix`.
        prefix: For example ``"draft."``.
        where: File of the tensors, for the message.

    Shape:
        Each tensor has the shape of its parameter or buffer.

    Raises:
        ModelError: A tensor is missing or unexpected, or has another shape or kind.
    """
    check_fit(module, tensors, prefix, where)
    for key, target in module.state_dict().items():
        target.copy_(tensors[f"{prefix}{key}"])


def check_fit(
    module: nn.Module, tensors: Mapping[str, torch.Tensor], prefix: str = "", where: Path | str = "weights"
) -> None:
    """Check that there is a tensor of the right shape and kind for every parameter and buffer of a module.

    Args:
        module: May be on the device ``meta``, without memory.
        tensors: As for `load_into`.
        prefix: As for `load_into`.
        where: File of the tensors, for the message.

    Shape:
        Each tensor has the shape of its parameter or buffer.

    Raises:
        ModelError: A tensor is missing or unexpected, or has another shape or kind.
    """
    needed = {f"{prefix}{key}": tensor for key, tensor in module.state_dict().items()}
    check_names(needed, (name for name in tensors if name.startswith(prefix)), where)
    for name, target in needed.items():
        source = tensors[name]
        if source.shape != target.shape:
            raise ModelError(
                f"{where}: {name} has shape {shape_words(source)}, this network needs {shape_words(target)}; "
                "it was made with other settings; choose another file"
            )
        if source.is_floating_point() != target.is_floating_point():
            raise ModelError(
                f"{where}: {name} holds {source.dtype}, this network needs {target.dtype}; choose another file"
            )


def check_names(needed: Iterable[str], found: Iterable[str], where: Path | str) -> None:
    """Check that a file has exactly the tensors that a network needs.

    Args:
        needed: Names that the network needs.
        found: Names in the file.
        where: The file, for the message.

    Raises:
        ModelError: A tensor is missing or unexpected; names the first one.
    """
    needed, found = set(needed), set(found)
    if missing := sorted(needed - found):
        raise ModelError(
            f"{where}: {missing[0]} is missing{_and_more(missing)}; it belongs to another network, choose another file"
        )
    if extra := sorted(found - needed):
        raise ModelError(
            f"{where}: {extra[0]} is unexpected{_and_more(extra)}; it belongs to another network, choose another file"
        )


def copy_weights(source: Path, target: Path) -> None:
    """Copy a weights file over `target`, and a moment later the JSON file next to it; without one there is none."""
    files.copy_file(source.with_suffix(".safetensors"), target.with_suffix(".safetensors"))
    if source.with_suffix(".json").exists():
        files.copy_file(source.with_suffix(".json"), target.with_suffix(".json"))
    else:
        target.with_suffix(".json").unlink(missing_ok=True)


def fingerprint(module: nn.Module) -> str:
    """Twelve hexadecimal digits that identify the weights of a module; the same after storage in half precision."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().half().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def _stored(tensor: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
    """Copy a tensor in contiguous layout, in the smaller type if that represents all values."""
    if dtype is not None and tensor.is_floating_point():
        smaller = tensor.to(dtype)
        if torch.equal(smaller.isfinite(), tensor.isfinite()):
            tensor = smaller
    return tensor.clone(memory_format=torch.contiguous_format)


def _present_name(name: str) -> str:
    """A parameter's name of today for the one in a file."""
    for earlier, present in RENAMED.items():
        name = name.replace(earlier, present)
    return name


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file; whatever is wrong with it is a ModelError that names it."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:  # of any file that safetensors cannot open
        if os.path.exists(path):  # noqa: PTH110 (it raises nothing, whatever the name)
            raise ModelError(f"{path}: cannot be opened; check its permissions") from None
        raise ModelError(f"{path}: no such file; train a model, or choose one of `stylebox models`") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"{path}: is not a complete safetensors file ({error_reason(error)}); copy or train it again"
        ) from None


def _decoded(header: Mapping[str, str]) -> dict[str, Any]:
    """Decode the metadata that `save_weights` wrote; another header stays unchanged."""
    try:
        ours = parse_json(header.get(HEADER, ""))
    except ValueError:
        ours = None
    return ours if isinstance(ours, dict) else dict(header)


def shape_words(tensor: torch.Tensor) -> str:
    """Write the shape of a tensor for a message, such as ``3x4``.

    Shape:
        Any.
    """
    return "x".join(str(size) for size in tensor.shape) or "of a scalar"


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
