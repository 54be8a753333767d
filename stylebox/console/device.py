"""The computing device of a command, with a note where CUDA is missing."""

from stylebox.console.choices import DeviceName
from stylebox.console.console import console


def compute_device(choice: DeviceName) -> str:
    """Resolve the requested device; writes one line if ``auto`` does not find CUDA, the first time on this machine.

    Raises:
        StyleboxError: The device does not exist.
    """
    from stylebox.core.device import resolve_device

    device, note = resolve_device(choice.value)
    if note and _is_new(note):
        console.note(f"{note} (this is said once; `stylebox doctor` checks the machine)")
    elif note:
        console.detail(note)
    return device


def _is_new(note: str) -> bool:
    """Whether the note was never shown on this machine, or another one since; remembers it."""
    from stylebox.core.files import write_text
    from stylebox.core.paths import home

    shown = home() / "device.txt"
    try:
        if shown.read_text("utf-8") == note:
            return False
    except (OSError, UnicodeDecodeError):  # never shown
        pass
    try:
        write_text(shown, note)
    except OSError:  # nothing can be remembered, so it would be shown at every run
        return False
    return True
