"""The computing device of a command, with a note where CUDA is missing."""

from stylebox.console import options as opt
from stylebox.console.console import console


def compute_device(choice: opt.DeviceName) -> str:
    """Where the networks run; one line says so when CUDA is not there."""
    from stylebox.core.device import resolve_device

    device, note = resolve_device(choice.value)
    if note:
        console.note(note)
    return device
