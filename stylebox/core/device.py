"""Which device the networks run on. CUDA is the choice; where there is none, says what is used instead.

Knows only what PyTorch can see; allocates nothing.
"""

from typing import TYPE_CHECKING

from stylebox.core.errors import StyleboxError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cuda", "mps", "cpu")


def resolve_device(choice: str = "auto") -> tuple[str, str | None]:
    """Turn the user's choice into a device that is there.

    Args:
        choice: One of `DEVICES`; ``auto`` takes CUDA, else Apple's MPS, else the CPU.

    Returns:
        ``(device, note)``: a name for `torch.device`, and a line to show when ``auto`` did not find CUDA.

    Raises:
        StyleboxError: `choice` is unknown, or was asked for by name and is not there.
    """
    import torch  # seconds to import

    if choice not in DEVICES:
        raise StyleboxError(f"device {choice}: unknown; choose one of {', '.join(DEVICES)}")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if choice != "auto":
        if not there[choice]:
            raise StyleboxError(f"device {choice}: {_absence(choice)}; use --device auto")
        return choice, None
    device = next(name for name in ("cuda", "mps", "cpu") if there[name])
    if device == "cuda":
        return device, None
    spoken = "the CPU" if device == "cpu" else "Apple's MPS"
    return device, f"{_absence('cuda')}; using {spoken}"


def computes_in_bfloat16(device: str) -> bool:
    """Whether the hardware does; one that only emulates bfloat16 is many times slower with it than without."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_capability()[0] >= 8
    if device == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        native = torch.cpu.get_capabilities()
        return bool(native.get("avx512_bf16") or native.get("amx_bf16"))
    return False


def half_precision(device: str) -> "torch.autocast":
    """A context in which networks compute in bfloat16 where the hardware does, else as they are."""
    import torch

    return torch.autocast(device, torch.bfloat16, enabled=computes_in_bfloat16(device))


def _absence(device: str) -> str:
    """Why `device` is not there."""
    import torch

    if device == "cuda":
        if torch.version.cuda is None and torch.version.hip is None:
            return "this PyTorch is built without CUDA"
        return "no CUDA device found"
    return "this machine has no Apple MPS"
