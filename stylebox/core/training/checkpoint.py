"""The training state on disk: safetensors and JSON, written atomically and checked when read.

The two latest states are kept, each with checksums; a damaged one is passed over. Nothing is pickled, so a checkpoint
from a stranger cannot run code. Knows tensors, names and files; knows nothing of stages, losses or the training loop.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stylebox.core import files
from stylebox.core.errors import ModelError, error_reason
from stylebox.core.json_text import parse_json
from stylebox.core.store.weights import load_weights, save_weights

STATE_FILE = "state.json"
EARLIER_FILE = "state-earlier.json"
STATE_VERSION = 1
CHANGEABLE = frozenset(
    {"steps", "learning_rate", "batch_size", "validate_every", "patience", "checkpoint_minutes"}
    | {"guidance", "strength"}  # of sampling
)
"""Keys of the configuration that a resumed run may change."""


@dataclass(frozen=True)
class SavedState:
    """A state that was read.

    Attributes:
        tensors: Weights, averages and optimiser states, by name.
        document: JSON values, with "step".
        path: The file of the document.
        remark: One line if a newer state was damaged, otherwise empty.
    """

    tensors: dict[str, torch.Tensor]
    document: dict[str, Any]
    path: Path
    remark: str = ""


def has_state(directory: Path) -> bool:
    """Tell whether a run left a state in `directory`, whole or damaged."""
    return any((directory / name).exists() for name in (STATE_FILE, EARLIER_FILE))


def save_state(directory: Path, step: int, tensors: Mapping[str, torch.Tensor], document: dict[str, Any]) -> None:
    """Make this the state that `load_state` finds in `directory`, and keep the one before it.

    The tensors go to a new file; the switch is the replacement of the small JSON file that names it. A process killed
    at any moment leaves the earlier states or this one. Older files are deleted last.

    Args:
        directory: Where the state is kept.
        step: Steps done.
        tensors: Weights, averages and optimiser states, by name.
        document: JSON values.

    Shape:
        Tensors have any shape.
    """
    name = f"state-{step:09d}.safetensors"
    path, earlier = directory / STATE_FILE, directory / EARLIER_FILE
    if _tensors_of(path) not in (None, name) and _is_whole(path):
        files.write_text(earlier, path.read_text(encoding="utf-8"))
    save_weights(directory / name, tensors)
    whole = {"version": STATE_VERSION, "step": step, "tensors": name, "sha256": files.file_sha256(directory / name)}
    whole |= document
    files.write_text(path, json.dumps(whole | {"check": _check(whole)}, indent=2) + "\n")
    kept = {name, _tensors_of(earlier)}
    for pattern in ("state-*.safetensors", ".state*.part.*"):
        for file in directory.glob(pattern):
            if file.name not in kept:
                file.unlink(missing_ok=True)


def load_state(directory: Path) -> SavedState | None:
    """The latest whole state in `directory`; None if no run left one.

    Raises:
        ModelError: No state is whole, or another version of stylebox wrote them.
    """
    damaged: list[str] = []
    for path in (directory / STATE_FILE, directory / EARLIER_FILE):
        if not path.exists():
            continue
        try:
            document = _document(path)
            tensors = _tensors(directory / Path(document["tensors"]).name)
        except _DamagedError as error:
            damaged.append(str(error))
            continue
        remark = f"{damaged[0]}; going on from the state before it, step {document['step']}" if damaged else ""
        return SavedState(tensors, document, path, remark)
    if damaged:
        raise ModelError(f"{damaged[0]}, and there is no whole state before it; start again with --force")
    return None


def read_origin(directory: Path) -> dict[str, Any]:
    """What the run in `directory` was started on, as JSON values; empty if there is no run or it does not say."""
    origin = _stated(directory, "origin")
    return origin if isinstance(origin, dict) else {}


def saved_step(directory: Path) -> int | None:
    """The step of the state in `directory`, which is not checked; None if there is none that can be read."""
    step = _stated(directory, "step")
    return step if isinstance(step, int) else None


def _stated(directory: Path, key: str) -> object:
    """A value of the latest document that has it."""
    for path in (directory / STATE_FILE, directory / EARLIER_FILE):
        try:
            return parse_json(path.read_text(encoding="utf-8"))[key]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def discard_state(directory: Path) -> None:
    """Delete the states in `directory`, if there are any."""
    for pattern in (STATE_FILE, EARLIER_FILE, "state-*.safetensors"):
        for path in directory.glob(pattern):
            path.unlink(missing_ok=True)


def _tensors_of(path: Path) -> str | None:
    """The file of tensors that a document names; None if there is none."""
    try:
        return str(parse_json(path.read_text(encoding="utf-8"))["tensors"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_whole(path: Path) -> bool:
    """Whether a state can be used."""
    try:
        _document(path)
    except (_DamagedError, ModelError):
        return False
    return True


class _DamagedError(Exception):
    """A state that cannot be used; the message names the file."""


def _document(path: Path) -> dict[str, Any]:
    """The document of a state whose checksums are right.

    Raises:
        ModelError: Another version of stylebox wrote it, or it may not be read.
    """
    try:
        document: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
        version, name = document["version"], Path(document["tensors"]).name
    except PermissionError as error:
        raise ModelError(f"{path}: cannot be read ({error_reason(error)}); change its permissions") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise _DamagedError(f"{path}: not a training state") from None
    if version != STATE_VERSION:
        raise ModelError(f"{path}: version {version} of the training state, this stylebox reads {STATE_VERSION}")
    tensors = path.parent / name
    try:
        whole = "sha256" not in document or files.file_sha256(tensors) == document["sha256"]
    except OSError as error:
        raise _DamagedError(f"{tensors}: cannot be read ({error_reason(error)})") from None
    if not whole or ("check" in document and document.pop("check") != _check(document)):
        raise _DamagedError(f"{tensors if not whole else path}: is damaged, its checksum is wrong")
    return document


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a state."""
    try:
        return load_weights(path)[0]
    except ModelError as error:
        raise _DamagedError(str(error)) from None


def _check(document: Mapping[str, Any]) -> str:
    """Checksum of a document, the same after it was written and read."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def fingerprint(identity: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that identify a configuration, given as JSON values."""
    return _check(identity)[:12]


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
                back = f"set it back to {was}"
                if key == "begin_with" and None in (was, is_now):
                    back = "add --from-scratch" if was is None else "leave out --from-scratch"
                begun = f"begun with {section}.{key} = {was}, now it is {is_now}"
                raise ModelError(f"{where}: {begun}; {back}, or train under another --name")


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
