"""The device, the arithmetic and the processes of a training run. Knows no stage and no file."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from stylebox.core.device import computes_in_bfloat16, resolve_device
from stylebox.core.errors import ConfigError

if TYPE_CHECKING:
    from accelerate import Accelerator


def make_accelerator(device: str = "auto") -> "Accelerator":
    """An accelerator on `device`, with bfloat16 where the device computes in it; one per process.

    Raises:
        StyleboxError: The device is not available.
    """
    from accelerate import Accelerator  # slow to import: only when training
    from accelerate.state import AcceleratorState

    chosen, _ = resolve_device(device)
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        # accelerate remembers the first device of the process; it has no public way to choose another one
        AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001
    return Accelerator(cpu=chosen == "cpu", mixed_precision="bf16" if computes_in_bfloat16(chosen) else "no")


@contextmanager
def reproducible(device: torch.device) -> Iterator[None]:
    """Deterministic convolutions; the global random state may be seeded within the block and is restored after it."""
    gpus = [device.index or 0] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(gpus),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
    ):
        yield


def place(module: nn.Module, device: torch.device) -> None:
    """Move a module to the device; 2-D convolutions get channels-last weights (about twice as fast)."""
    module.to(device)
    if device.type != "mps" and any(tensor.dim() == 4 for tensor in module.parameters()):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def device_name(device: torch.device) -> str:
    """The device in words, for example "NVIDIA H100" or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def environment(accelerator: "Accelerator") -> dict[str, str | int]:
    """Where a run computes, as JSON values for the weights' card."""
    return {
        "torch": torch.__version__,
        "device": device_name(accelerator.device),
        "precision": "bf16" if accelerator.mixed_precision == "bf16" else "float32",
        "processes": accelerator.num_processes,
    }


def batch_workers(accelerator: "Accelerator") -> int:
    """Threads that make batches: several beside a GPU, one where the networks need the cores themselves."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", accelerator.num_processes))
    return max(1, min(8, (os.cpu_count() or 1) // here // 2)) if accelerator.device.type == "cuda" else 1


def share_of_batch(accelerator: "Accelerator", batch_size: int) -> slice:
    """Which examples of a batch this process computes; all processes together compute the whole batch.

    Raises:
        ConfigError: The processes cannot share it equally.
    """
    count, rank = accelerator.num_processes, accelerator.process_index
    if batch_size % count:
        fitting = batch_size - batch_size % count or count
        raise ConfigError(f"{count} processes cannot share a batch of {batch_size} equally; use --batch-size {fitting}")
    size = batch_size // count
    return slice(rank * size, (rank + 1) * size)


def mean_over_processes(accelerator: "Accelerator", tensor: torch.Tensor) -> torch.Tensor:
    """The mean of a tensor over all processes.

    Shape:
        Any; unchanged.
    """
    return accelerator.reduce(tensor, "mean") if accelerator.num_processes > 1 else tensor


def any_process(accelerator: "Accelerator", flags: Sequence[bool]) -> list[bool]:
    """For each flag, whether it is set in any process."""
    if accelerator.num_processes == 1:
        return list(flags)
    votes = torch.tensor(flags, dtype=torch.float32, device=accelerator.device)
    return [bool(vote) for vote in accelerator.reduce(votes, "sum").tolist()]


def share_weights(accelerator: "Accelerator", tensors: Iterable[torch.Tensor]) -> None:
    """Copy the main process' tensors to every process, in place.

    Shape:
        Any; unchanged.
    """
    if accelerator.num_processes > 1:
        for tensor in tensors:
            torch.distributed.broadcast(tensor, src=0)


def share_scores(accelerator: "Accelerator", scores: dict[str, float]) -> dict[str, float]:
    """The main process' scores, in every process."""
    if accelerator.num_processes == 1:
        return scores
    from accelerate.utils import broadcast_object_list

    shared: dict[str, float] = broadcast_object_list([scores])[0]
    return shared


def average_gradients(accelerator: "Accelerator", parameters: Sequence[nn.Parameter]) -> None:
    """Replace gradients by their means over processes.

    DistributedDataParallel would not do: it averages only after a `forward` of its own, and stages call the methods
    of their networks directly.
    """
    if accelerator.num_processes == 1:
        return
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = torch.cat([grad.reshape(-1) for grad in grads])
    pieces = torch.split(mean_over_processes(accelerator, flat), [parameter.numel() for parameter in parameters])
    for parameter, piece in zip(parameters, pieces, strict=True):
        parameter.grad = torch.empty_like(parameter).copy_(piece.view(parameter.shape))
