"""Where training runs and in which arithmetic. Knows devices and accelerate; knows no stage and no file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from stylebox.core.device import computes_in_bfloat16, resolve_device

if TYPE_CHECKING:
    from accelerate import Accelerator


def make_accelerator(device: str = "auto") -> "Accelerator":
    """An accelerator on `device`, in the arithmetic that suits it; under `accelerate launch`, one a process.

    Raises:
        StyleboxError: The device is not here.
    """
    from accelerate import Accelerator  # imports much of the ecosystem: only when training
    from accelerate.state import AcceleratorState

    chosen, _ = resolve_device(device)
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        # accelerate remembers the first device of the process; a second run may want another one
        AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(cpu=chosen == "cpu", mixed_precision="bf16" if computes_in_bfloat16(chosen) else "no")


@contextmanager
def reproducible(device: torch.device) -> Iterator[None]:
    """Repeatable convolutions, and within the block the freedom to seed the global random state."""
    gpus = [device.index or 0] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(gpus),
        torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
    ):
        yield


def place(module: nn.Module, device: torch.device) -> None:
    """Move to the device, image-like weights with channels last (convolutions run about twice as fast)."""
    module.to(device)
    if device.type != "mps" and any(tensor.dim() == 4 for tensor in module.parameters()):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
