"""The computing device of a command, with a note where CUDA is missing."""

from stylebox.console.choices import DeviceName
from stylebox.console.console import console


def compute_device(choice: DeviceName) -> str:
    """Resolve the requested device; writes one line if CUDA is requested by ``auto`` and missing.

    Raises:
        StyleboxError: The device does not exist.
    """
    from stylebox.core.device import resolve_device

    device, note = resolve_device(choice.value)
    if note:
        console.note(note)
    return device
