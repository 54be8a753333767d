"""The recordings of files, folders and patterns that a user names. Knows no outputs and decodes nothing."""

import glob
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stylebox.core.audio.io.files import find_audio
from stylebox.core.errors import AudioError, StyleboxError
from stylebox.core.paths import entries
from stylebox.core.standard_streams import STREAM


@dataclass(frozen=True)
class InputPath:
    """An input of a batch: where it is, and where below the folder of outputs its own go.

    Attributes:
        path: The file; ``-`` is standard input.
        below: Folder below the named one in which it was found; the output goes to the same.
        shares_stem: Whether another input of the same place has its name with another suffix.
    """

    path: Path
    below: Path = Path()
    shares_stem: bool = False

    @property
    def place(self) -> tuple[Path, str]:
        """Where its outputs lie and what they are called; some systems take names in any case as equal."""
        return self.below, self.stem.casefold()

    @property
    def stem(self) -> str:
        """Its name without suffix."""
        return "take" if str(self.path) == STREAM else self.path.stem

    @property
    def size(self) -> int:
        """Of the file in bytes, at least 1: how much work it is, compared with others."""
        try:
            return max(1, self.path.stat().st_size)
        except OSError:  # reported when it is its turn
            return 1


@dataclass
class Inputs:
    """What the named sources hold.

    Attributes:
        recordings: In order, each once.
        problems: Per source that holds none, the source and the reason.
        several: Whether a folder or a pattern was named, or more than one file.
        passed_over: A line per folder with files that are no recordings: how many, and why.
    """

    recordings: list[InputPath] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    several: bool = False
    passed_over: list[str] = field(default_factory=list)


def find_inputs(sources: Sequence[Path]) -> Inputs:
    """The recordings of files, folders and patterns such as ``takes/*.wav``, which not every shell expands.

    Raises:
        AudioError: There is none at all.
    """
    found = Inputs(several=len(sources) > 1)
    for source in sources:
        if source.is_dir():
            _add_folder(found, source)
        elif glob.has_magic(str(source)) and not source.exists():
            _add_matching(found, source)
        else:
            found.recordings.append(InputPath(source))  # one that is not there is reported when it is its turn
    found.recordings = list({recording.path.absolute(): recording for recording in reversed(found.recordings)}.values())
    found.recordings.reverse()
    suffixes = defaultdict[tuple[Path, str], set[str]](set)
    for recording in found.recordings:
        suffixes[recording.place].add(recording.path.suffix.casefold())
    found.recordings = [replace(one, shares_stem=len(suffixes[one.place]) > 1) for one in found.recordings]
    if not found.recordings:
        raise AudioError(next(iter(found.problems.values()), "no recording is named; name a file or a folder"))
    return found


def _add_folder(found: Inputs, folder: Path) -> None:
    """The recordings of a folder and of its folders."""
    found.several = True
    search = find_audio(folder)
    found.recordings += [InputPath(file, file.parent.relative_to(folder)) for file in search.files]
    found.problems |= search.problems
    if search.passed_over:
        found.passed_over.append(f"{folder}: {search.passed_over}; passed over")
    if not search.files and not search.problems:
        found.problems[str(folder)] = f"{folder}: no audio files in it; name one, or another folder"


def _add_matching(found: Inputs, pattern: Path) -> None:
    """What a pattern matches, broken links and folders too, as if a shell had named each."""
    found.several = True
    names = sorted(glob.glob(str(pattern), recursive=True))  # noqa: PTH207 (takes "..", drives and "a**")
    if "**" in pattern.parts:  # matches what is in the folders, too
        names = [name for name in names if not Path(name).is_dir()]
    for path in map(Path, names):
        if path.is_dir():
            _add_folder(found, path)
        else:
            found.recordings.append(InputPath(path))
    if not names:
        found.problems[str(pattern)] = _unmatched(pattern)


def _unmatched(pattern: Path) -> str:
    """Why no file matches a pattern."""
    folder = next(parent for parent in pattern.parents if not glob.has_magic(str(parent)))
    try:
        entries(folder)  # of one that may not be read, no name is matched
    except StyleboxError as error:
        return str(error)
    return f"{pattern}: no file matches this pattern; check the name"
