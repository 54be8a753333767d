"""Where training runs and in which arithmetic. Knows devices and accelerate; knows no stage and no file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from stylebox.core.device import resolve_device

if TYPE_CHECKING:
    from accelerate import Accelerator


def choose_precision(device: str) -> str:
    """ "bf16" where the hardware computes in it, else "no" (float32).

    A CPU that only emulates bfloat16 is many times slower with it than without.
    """
    if device == "cuda":
        return "bf16" if torch.cuda.get_device_capability()[0] >= 8 else "no"
    if device == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        native = torch.cpu.get_capabilities()
        return "bf16" if native.get("avx512_bf16") or native.get("amx_bf16") else "no"
    return "no"


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
    return Accelerator(cpu=chosen == "cpu", mixed_precision=choose_precision(chosen))


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
