"""The plan of a batch: which recordings become which files. Knows names and folders, and neither samples nor models."""

import itertools
import os
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from stylebox.core.audio.io.formats import FORMATS
from stylebox.core.errors import AudioError, StyleboxError
from stylebox.core.file_names import MAX_OUTPUT_BYTES, safe_name, shortened
from stylebox.core.jobs.inputs import InputPath, Inputs
from stylebox.core.jobs.outputs import SideOutputs
from stylebox.core.pipeline.options import TransferOptions
from stylebox.core.standard_streams import STREAM

FIELDS = ("stem", "style", "model")  # of a naming pattern


@dataclass(frozen=True)
class Naming:
    """How outputs are named.

    Attributes:
        pattern: With the fields of `FIELDS` in braces; a slash makes folders.
        format: A suffix of `FORMATS` without its dot; None takes the pattern's suffix, or wav.

    Raises:
        StyleboxError: The pattern has an unknown field, leaves its folder, or contradicts the format.
    """

    pattern: str = "{stem}-{style}"
    format: str | None = None

    def __post_init__(self) -> None:
        try:
            fields = [name for _, name, *_ in string.Formatter().parse(self.pattern) if name is not None]
        except ValueError as error:
            raise StyleboxError(f"--name {self.pattern!r}: {error}; write for example {{stem}}_{{style}}") from None
        if unknown := [name for name in fields if name not in FIELDS]:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise StyleboxError(f"--name {self.pattern!r}: there is no field {{{unknown[0]}}}; there are {known}")
        parts = PurePosixPath(self.pattern.replace("\\", "/"))
        if not parts.name or parts.is_absolute() or ".." in parts.parts or Path(self.pattern).drive:
            raise StyleboxError(f"--name {self.pattern!r}: must name a file below the output folder")
        if self.format and self._own_format not in (None, self.format):
            raise StyleboxError(f"--name {self.pattern!r} and --format {self.format} disagree; leave one out")

    @property
    def _own_format(self) -> str | None:
        """The format that the pattern ends with."""
        suffix = self.pattern.rpartition(".")[2].lower()
        return suffix if "." in self.pattern and f".{suffix}" in FORMATS else None

    @property
    def suffix(self) -> str:
        """Of every output."""
        return f".{self.format or self._own_format or 'wav'}"

    def name(self, stem: str, style: str, model: str) -> str:
        """The output's path below its folder.

        Args:
            stem: Name of the recording.
            style: The style as part of a name.
            model: Name of the model.

        >>> Naming("{style}/{stem}.mp3").name("take 1", "harp", "base")
        'harp/take 1.mp3'
        """
        pattern = self.pattern[: -len(self.suffix)] if self._own_format else self.pattern
        return pattern.format(stem=stem, style=style, model=safe_name(Path(model).name)) + self.suffix


@dataclass(frozen=True)
class Part:
    """One share of a batch, for machines that work on it together.

    Attributes:
        number: From 1 to `count`.
        count: How many machines there are.
    """

    number: int = 1
    count: int = 1


@dataclass(frozen=True)
class Task:
    """One output of a batch: a recording in one style.

    Attributes:
        recording: The input.
        output: The file.
        options: The style and the settings.
        side_outputs: Of this output alone.
        page: The report page of all styles of the recording, if there are several and a page is asked for.
    """

    recording: InputPath
    output: Path
    options: TransferOptions
    side_outputs: SideOutputs
    page: Path | None = None


@dataclass(frozen=True)
class Plan:
    """The outputs of a batch.

    Attributes:
        tasks: In order.
        earlier_outputs: How many inputs are none, since the same command wrote them in an earlier run.
    """

    tasks: list[Task]
    earlier_outputs: int = 0


def plan(
    inputs: Inputs,
    output: Path | None,
    options: TransferOptions,
    *,
    styles: Sequence[str],
    model: str,
    naming: Naming,
    side_outputs: SideOutputs,
    part: Part,
) -> Plan:
    """The outputs of a batch, all styles of a recording after one another.

    Args:
        inputs: The recordings.
        output: A file for one output, a folder for several; the current folder unless given.
        options: For every recording; the style is replaced by each of `styles`.
        styles: At least one.
        model: Name of the model, for the names of outputs.
        naming: Pattern and format of the names.
        side_outputs: What else to write: a file each for one output, a folder each for several. The report of one
            recording in several styles is one page.
        part: Which share to plan; shares are about equal in size and do not overlap.

    Raises:
        AudioError: A file is named where a folder is needed.
    """
    several = inputs.several or len(styles) > 1
    page = side_outputs.report if len(styles) > 1 else None
    side_outputs = side_outputs if page is None else replace(side_outputs, report=None)
    for target in (output, *side_outputs.paths(), *([page] if inputs.several else [])):
        if several and target is not None and not names_folder(target):
            raise AudioError(f"{target}: is not a folder, and there are several files; name a folder")
    in_styles = [replace(options, style=style) for style in styles]
    if output is not None and not several and not names_folder(output):
        return Plan([Task(inputs.recordings[0], output, in_styles[0], side_outputs)])
    folder = output or Path()
    tasks, taken = [], set[str]()
    for recording in inputs.recordings:
        own_page = _page_of(recording, page, taken) if page is not None else None
        for chosen in in_styles:
            name = _free_name(recording, chosen.spec.slug, model, naming, taken)
            own = side_outputs.within(str(name.with_name(name.stem))) if several else side_outputs
            tasks.append(Task(recording, folder / name, chosen, own, own_page))
    kept = _without_outputs(tasks)
    earlier = len(inputs.recordings) - len({task.recording for task in kept})
    return Plan(_share(kept, part), earlier)


def _page_of(recording: InputPath, page: Path, taken: set[str]) -> Path:
    """The page of a recording: the file that was named, or one of its own name in the folder that was named."""
    if not names_folder(page):
        return page
    return free_path(page, recording, ".html", taken)


def free_path(folder: Path, recording: InputPath, suffix: str, taken: set[str]) -> Path:
    """A file of a recording's name that no other recording of a batch has.

    Args:
        folder: That was named; in it the file lies in the folder in which the recording was found.
        recording: Gives the name, and its own suffix or a number if the name is taken.
        suffix: Of the file, with its dot.
        taken: Paths in lower case that are taken; gets this one.
    """
    paths = (folder / recording.below / f"{stem}{suffix}" for stem in _stems(recording, len(suffix)))
    path = next(path for path in paths if str(path).casefold() not in taken)
    taken.add(str(path).casefold())
    return path


def _free_name(recording: InputPath, style: str, model: str, naming: Naming, taken: set[str]) -> Path:
    """A name that no other output has: the pattern's, or with the recording's suffix in it, or with a number."""
    added_bytes = len(os.fsencode(Path(naming.name("", style, model)).name))
    names = (Path(naming.name(stem, style, model)) for stem in _stems(recording, added_bytes))
    for named in names:
        name = named.parent / recording.below / named.name
        if (folded := str(name).casefold()) not in taken:  # some systems take names in any case as equal
            taken.add(folded)
            break
    return name


def _stems(recording: InputPath, added_bytes: int) -> Iterator[str]:
    """What outputs of a recording may be called, without end, short enough for a name with more bytes."""
    room = MAX_OUTPUT_BYTES - added_bytes
    if not recording.shares_stem:  # otherwise a later run with one input more would give its output another name
        yield shortened(recording.stem, room)
    yield shortened(recording.path.name, room)
    for number in itertools.count(2):
        end = f"-{number}"
        yield shortened(recording.stem, room - len(end)) + end


def _without_outputs(tasks: list[Task]) -> list[Task]:
    """Without recordings that an earlier run of the same command wrote, where outputs lie among inputs.

    A recording whose own output has its name stays, so that it is refused.
    """
    made_of = {task.output.absolute(): task.recording for task in tasks}
    return [task for task in tasks if made_of.get(task.recording.path.absolute(), task.recording) == task.recording]


def _share(tasks: list[Task], part: Part) -> list[Task]:
    """Every `count`-th recording by size, in the order of the plan; a recording's styles stay together."""
    recordings = list(dict.fromkeys(task.recording for task in tasks))
    recordings.sort(key=lambda recording: (-recording.size, str(recording.path)))
    own = set(recordings[part.number - 1 :: part.count])
    return [task for task in tasks if task.recording in own]


def names_folder(target: Path) -> bool:
    """Whether it is a folder, or can become one; a name with a suffix that does not exist yet means a file."""
    return target.is_dir() or not (target.exists() or target.suffix or str(target) == STREAM)
