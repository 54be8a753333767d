"""Commands that install packages of the operating system. Runs none of them."""

import shutil
import sys

_ELSEWHERE = {  # Debian's name of a package -> Homebrew's name, Fedora's name, the command for Windows
    "libportaudio2": ("portaudio", "portaudio", "pip install --force-reinstall sounddevice"),
    "fluidsynth": ("fluid-synth", "fluidsynth-libs", "choco install fluidsynth"),
    "fluid-soundfont-gm": ("fluid-synth", "fluid-soundfont-gm", "download a SoundFont (.sf2)"),
}


def install_command(package: str) -> str:
    """The command that installs a package on this system.

    Args:
        package: Its name on Debian.

    >>> install_command("libportaudio2").split()[-1] in ("libportaudio2", "portaudio", "sounddevice")
    True
    """
    homebrew, fedora, windows = _ELSEWHERE[package]
    if sys.platform == "win32":
        return windows
    if sys.platform == "darwin":
        return f"brew install {homebrew}"
    if not shutil.which("apt-get") and shutil.which("dnf"):
        return f"sudo dnf install {fedora}"
    return f"sudo apt install {package}"
