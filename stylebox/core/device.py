"""The computing device of the networks: CUDA if PyTorch finds it, otherwise Apple's MPS or the CPU.

Allocates nothing on any device.
"""

from typing import TYPE_CHECKING

from stylebox.core.errors import StyleboxError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cuda", "mps", "cpu")


def resolve_device(choice: str = "auto") -> tuple[str, str | None]:
    """Resolve a choice of device to a device that exists.

    Args:
        choice: One of `DEVICES`; ``auto`` takes the first of CUDA, Apple's MPS and the CPU that exists.

    Returns:
        ``(device, note)``: a name for `torch.device`, and a line to show if ``auto`` did not find CUDA.

    Raises:
        StyleboxError: `choice` is not in `DEVICES`, or that device does not exist.
    """
    import torch  # takes seconds to import

    if choice not in DEVICES:
        raise StyleboxError(f"device {choice}: no such device; choose one of {', '.join(DEVICES)}")
    exists = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if choice != "auto":
        if not exists[choice]:
            raise StyleboxError(f"device {choice}: {_absence(choice)}; use --device auto")
        return choice, None
    device = next(name for name in ("cuda", "mps", "cpu") if exists[name])
    if device == "cuda":
        return device, None
    used = "the CPU" if device == "cpu" else "Apple's MPS"
    return device, f"{_absence('cuda')}; using {used}"


def computes_in_bfloat16(device: str) -> bool:
    """Tell whether the hardware computes in bfloat16; hardware that emulates it is many times slower with it."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_capability()[0] >= 8
    if device == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        native = torch.cpu.get_capabilities()
        return bool(native.get("avx512_bf16") or native.get("amx_bf16"))
    return False


def half_precision(device: str) -> "torch.autocast":
    """Give a context in which networks compute in bfloat16 if the hardware does, otherwise in their own precision."""
    import torch

    return torch.autocast(device, torch.bfloat16, enabled=computes_in_bfloat16(device))


def windows_at_once(device: str) -> int:
    """How many windows of a recording the networks compute together: one would not keep a card busy.

    A processor computes one at a time, which takes the least memory.
    """
    return 4 if device == "cuda" else 1


def _absence(device: str) -> str:
    """Why a device does not exist."""
    import torch

    if device == "cuda":
        if torch.version.cuda is None and torch.version.hip is None:
            return "this PyTorch is built without CUDA"
        return "no CUDA device found"
    return "this machine has no Apple MPS"
