"""How a system's own packages are installed here. Knows names and commands, and runs nothing."""

import shutil
import sys

_ELSEWHERE = {  # Debian's name of a package -> Homebrew's, Fedora's
    "libportaudio2": ("portaudio", "portaudio"),
    "fluidsynth": ("fluid-synth", "fluidsynth-libs"),
    "fluid-soundfont-gm": ("fluid-synth", "fluid-soundfont-gm"),
}


def install_command(package: str) -> str:
    """The command that installs Debian's `package` on this system.

    >>> install_command("libportaudio2").split()[-1] in ("libportaudio2", "portaudio")
    True
    """
    homebrew, fedora = _ELSEWHERE[package]
    if sys.platform == "darwin":
        return f"brew install {homebrew}"
    if not shutil.which("apt-get") and shutil.which("dnf"):
        return f"sudo dnf install {fedora}"
    return f"sudo apt install {package}"
