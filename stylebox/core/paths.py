"""Folders of the data directory, and names of paths. Writes nothing."""

import errno
import fnmatch
import os
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import platformdirs

import stylebox
from stylebox.core.errors import StyleboxError, broken_link, error_reason


def package() -> Path:
    """Folder of this package, with the weights.

    Raises:
        StyleboxError: Python reads the package out of an archive, where there are no folders.
    """
    folder = Path(stylebox.__file__).parent
    if not folder.is_dir():
        archive = next(place for place in folder.parents if place.exists())
        raise StyleboxError(f"{archive}: stylebox does not run out of an archive; install it (pip install {archive})")
    return folder


def home() -> Path:
    """The data directory: the environment variable `STYLEBOX_HOME`, or the user data directory of the system.

    Raises:
        StyleboxError: The variable names the home of a user who does not exist.
    """
    chosen = os.environ.get("STYLEBOX_HOME")
    if not chosen:
        return _of_the_user(platformdirs.user_data_path)
    try:
        return Path(chosen).expanduser()
    except RuntimeError as error:
        raise StyleboxError(f"STYLEBOX_HOME: there is no user {Path(chosen).parts[0]}; name a folder") from error


def _of_the_user(find: Callable[[str], Path]) -> Path:
    """A folder that the system has for each user. One without a home has / for it, as in containers.

    So has one whose home is another's, as ``sudo`` and services leave it, and cannot be looked into.
    """
    nowhere = Path(os.sep, "stylebox")
    try:
        folder = find("stylebox")
    except RuntimeError:
        return nowhere
    if not folder.is_absolute():  # some releases leave the ~
        return nowhere
    above = next(place for place in (folder, *folder.parents) if os.path.exists(place))  # noqa: PTH110 (it raises nothing)
    return folder if os.access(above, os.X_OK) else nowhere


def expanded(name: str) -> Path:
    """A path with a folder for its ``~``, unless there is no such user."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def listed(folder: Path, name: str) -> Path | None:
    """What a list of files in a folder calls `name`, also with backslashes or in another Unicode form, if it exists."""
    for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
        for form in (spelling, unicodedata.normalize("NFC", spelling), unicodedata.normalize("NFD", spelling)):
            path = folder / expanded(form)
            with suppress(OSError, ValueError):  # too long for a name; a null character
                if path.exists():
                    return path
    return None


def entries(folder: Path, pattern: str = "*") -> list[Path]:
    """What a folder holds, sorted; nothing if it does not exist.

    Args:
        folder: To look into.
        pattern: Of the names, as for a shell.

    Raises:
        StyleboxError: It may not be read, which `Path.glob` takes for an empty folder, or it is none.
    """
    try:
        names = os.listdir(os.path.join(folder, os.curdir))  # noqa: PTH118, PTH208 (the point asks for the right to enter)
    except OSError as error:
        link = broken_link(folder)
        if link:
            raise StyleboxError(f"{folder}: {link}") from error
        if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
            return []
        refused = error.errno in (errno.EACCES, errno.EPERM)
        place, fix = (_closed(folder), "change its permissions") if refused else (folder, "it has to be a folder")
        raise StyleboxError(f"{place}: cannot be read ({error_reason(error)}); {fix}") from error
    return sorted(folder / name for name in fnmatch.filter(names, pattern))


def _closed(folder: Path) -> Path:
    """The folder on the way to one, or itself, that may not be entered."""
    for place in (*reversed(folder.parents), folder):
        try:
            os.stat(os.path.join(place, os.curdir))  # noqa: PTH116, PTH118 (as above)
        except OSError:
            return place
    return folder


def sources_dir() -> Path:
    """Folder of training material, with one folder per instrument."""
    return home() / "sources"


def dataset_dir() -> Path:
    """Folder of the dataset."""
    return home() / "dataset"


def models_dir() -> Path:
    """Folder of trained models, with one folder per model."""
    return home() / "models"


def recordings_dir() -> Path:
    """Folder of recorded takes."""
    return home() / "recordings"


def styles_dir() -> Path:
    """Folder of the styles that the user added."""
    return home() / "styles"


def config_file() -> Path:
    """File of the user's defaults: in the data directory if `STYLEBOX_HOME` is set, otherwise in the system's place."""
    folder = home() if os.environ.get("STYLEBOX_HOME") else _of_the_user(platformdirs.user_config_path)
    return folder / "config.toml"


def is_address(path: Path) -> bool:
    """Whether an address of the web was typed where a file is needed; paths have one slash of its two.

    >>> is_address(Path("https://example.org/a.wav")), is_address(Path("http.wav"))
    (True, False)
    """
    return path.parts[:1] in (("https:",), ("http:",))


def is_below(name: str) -> bool:
    """Whether a path is relative and stays below the folder that it starts from, as names in files from others must.

    >>> is_below("violin/a.wav"), is_below("../a.wav"), is_below("/a.wav"), is_below("")
    (True, False, False, False)
    """
    path = Path(name)
    return bool(path.parts) and not path.anchor and ".." not in path.parts and "\0" not in name
