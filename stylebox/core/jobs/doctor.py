"""`stylebox doctor` as a job: checks of this machine, with a fix for each problem. Leaves nothing behind.

A check that raises an error is a finding, too: `examine` raises nothing.
"""

import ctypes.util
import importlib.util
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stylebox.core import paths
from stylebox.core.errors import StyleboxError, error_reason
from stylebox.core.system_packages import install_command

State = Literal["ok", "limited", "broken"]

READ_CODECS = ("aac", "mp3", "opus", "vorbis")  # by FFmpeg's names; of recordings that people have
MIN_FREE_GB, COMFORTABLE_GB = 0.5, 10.0  # enough for transfers; enough for a dataset with its recordings


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        name: Name of the check.
        state: ``ok``; ``limited`` if a feature does not work; ``broken`` if nothing does.
        found: What the check found.
        fix: What the user can do; empty if the state is ``ok``.
    """

    name: str
    state: State
    found: str
    fix: str = ""


def examine() -> list[Finding]:
    """Run all checks, the most important first."""
    return [_guarded(name, check) for name, check in CHECKS.items()]


def _guarded(name: str, check: Callable[[str], Finding]) -> Finding:
    """Run one check; an error is a finding."""
    try:
        return check(name)
    except StyleboxError as error:
        found, _, fix = str(error).partition("; ")
        return Finding(name, "broken", found, fix)
    except Exception as error:  # the other checks still have to run
        reason = f"{type(error).__name__}: {error_reason(error)}"
        return Finding(name, "broken", reason, "reinstall with: pip install --force-reinstall stylebox")


def _python(name: str) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    return Finding(name, "ok", f"{version} at {sys.executable}; {system}")


def _device(name: str) -> Finding:
    import torch

    from stylebox.core.device import resolve_device

    device, note = resolve_device("auto")
    if device == "cuda":
        return Finding(name, "ok", f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    if device == "mps":
        return Finding(name, "ok", f"Apple's MPS, PyTorch {torch.__version__}")
    found = f"{device} with {torch.get_num_threads()} threads, PyTorch {torch.__version__} ({note})"
    fix = "all works; `train --from-scratch` needs an NVIDIA card to be quick: https://pytorch.org/get-started/locally"
    return Finding(name, "limited", found, fix)


def _weights(name: str) -> Finding:
    weights = paths.package() / "weights"
    shipped = sorted(path.name for path in weights.iterdir() if (path / "ldm.safetensors").is_file())
    own = list[str]()
    with suppress(StyleboxError, OSError):  # `_home` reports it
        own = [path.name for path in paths.entries(paths.models_dir()) if path.is_dir()]
    if not shipped:
        found = f"no shipped model; your own: {', '.join(own) or 'none'}"
        return Finding(name, "limited" if own else "broken", found, "reinstall stylebox, or train a model")
    return Finding(name, "ok", f"shipped: {', '.join(shipped)}; your own: {', '.join(own) or 'none'}")


def _home(name: str) -> Finding:
    folder = paths.home()
    fix = "change its permissions, or set STYLEBOX_HOME to another folder"
    try:
        made = _make_folder(folder)
    except OSError as error:
        reason = f"{error.filename} is no folder" if isinstance(error, FileExistsError) else error_reason(error)
        return Finding(name, "broken", f"{folder} cannot be created ({reason})", fix)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(name, "broken", f"{folder} cannot be written to ({error_reason(error)})", fix)
    finally:
        for path in made:
            path.rmdir()
    for find in (paths.styles_dir, paths.models_dir, paths.sources_dir, paths.dataset_dir, paths.recordings_dir):
        paths.entries(find())  # raises what is wrong with it
    return Finding(name, "ok", f"{folder}{' (created when needed)' if made else ''}")


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; gives those that were missing, the innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.is_dir()]
    made: list[Path] = []
    try:
        for path in reversed(missing):
            path.mkdir()
            made.insert(0, path)
    except OSError:
        for path in made:
            path.rmdir()
        raise
    return made


def _disk(name: str) -> Finding:
    try:
        free_gb = shutil.disk_usage(_existing(paths.home())).free / 1e9
    except OSError as error:
        return Finding(
            name, "limited", f"cannot be read ({error_reason(error)})", "set STYLEBOX_HOME to another folder"
        )
    found = f"{free_gb:.1f} GB free at {paths.home()}"
    if free_gb >= COMFORTABLE_GB:
        return Finding(name, "ok", found)
    fix = "free some space, or set STYLEBOX_HOME to a folder on a larger disk; training material takes gigabytes"
    return Finding(name, "limited" if free_gb >= MIN_FREE_GB else "broken", found, fix)


def _temporary_files(name: str) -> Finding:
    try:
        return Finding(name, "ok", tempfile.gettempdir())
    except FileNotFoundError:
        found = "no folder for them can be written to: long input from a pipe cannot be read"
        return Finding(name, "limited", found, "set TMPDIR to a folder that can be written to")


def _codecs(name: str) -> Finding:
    import av
    import soundfile

    from stylebox.core.audio.io.encode import why_not
    from stylebox.core.audio.io.formats import FORMATS

    writes = [suffix[1:] for suffix in FORMATS if not why_not(suffix)]
    reads = [codec for codec in READ_CODECS if codec in av.codecs_available]
    found = f"writes {', '.join(writes)}; libsndfile {soundfile.__libsndfile_version__}; "
    found += f"PyAV {av.__version__} reads {', '.join(reads)}"
    if len(writes) == len(FORMATS) and len(reads) == len(READ_CODECS):
        return Finding(name, "ok", found)
    return Finding(name, "limited", found, "pip install --upgrade soundfile av")


def _portaudio(name: str) -> Finding:
    # The wheels for macOS and Windows bring their own PortAudio.
    bundled = importlib.util.find_spec("_sounddevice_data") is not None
    library = ctypes.util.find_library("portaudio") or ("bundled" if bundled else None)
    if library:
        return Finding(name, "ok", f"PortAudio {library}")
    return Finding(name, "limited", "PortAudio is missing: no recording, no playback", install_command("libportaudio2"))


def _synthesizer(name: str) -> Finding:
    library = ctypes.util.find_library("fluidsynth")
    if library:
        return Finding(name, "ok", f"FluidSynth {library}")
    return Finding(
        name, "limited", "FluidSynth is missing: `stylebox render` does not work", install_command("fluidsynth")
    )


def _soundfonts(name: str) -> Finding:
    from stylebox.core.sources.render.soundfont import find_soundfonts

    fonts = [font.name for font in find_soundfonts()]
    if fonts:
        return Finding(name, "ok", ", ".join(fonts))
    fix = f"{install_command('fluid-soundfont-gm')}, or name one with `stylebox render --soundfont FILE.sf2`"
    return Finding(name, "limited", "no SoundFont in the usual folders", fix)


def _existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())


CHECKS: dict[str, Callable[[str], Finding]] = {
    "python": _python,
    "device": _device,
    "weights": _weights,
    "home": _home,
    "disk": _disk,
    "temporary files": _temporary_files,
    "codecs": _codecs,
    "sound card": _portaudio,
    "synthesizer": _synthesizer,
    "soundfonts": _soundfonts,
}
