"""What is kept of a transfer besides its sound: the notes, a picture, a report. Knows no engine and plays nothing."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stylebox.core.engine import Transferred
from stylebox.core.errors import StyleboxError
from stylebox.core.paths import write_text
from stylebox.core.sound.notes import write_midi
from stylebox.core.wishes import Settings

SUFFIXES = {"midi": (".mid", ".midi"), "plot": (".png",), "report": (".html", ".htm")}


@dataclass(frozen=True)
class Extras:
    """Where each goes, if it is wanted: a file; a folder, where there are several sources.

    Attributes:
        midi: The notes heard, as played back.
        plot: Spectrograms of input and output, as PNG.
        report: All of it in one HTML file, to look at and listen to.
    """

    midi: Path | None = None
    plot: Path | None = None
    report: Path | None = None

    def named(self) -> dict[str, Path]:
        """Those wanted, by name."""
        return {name: path for name, path in vars(self).items() if path is not None}

    def paths(self) -> list[Path]:
        """Those wanted."""
        return list(self.named().values())

    def within(self, stem: str) -> "Extras":
        """A file called `stem` in each folder."""
        return replace(self, **{name: path / f"{stem}{SUFFIXES[name][0]}" for name, path in self.named().items()})

    def check(self) -> None:
        """Raise before any work what would fail after it.

        Raises:
            StyleboxError: a name has the wrong suffix.
        """
        for name, path in self.named().items():
            if path.suffix.lower() not in SUFFIXES[name]:
                raise StyleboxError(f"{path}: --{name} writes {SUFFIXES[name][0]} files; use a name that ends so")


@dataclass(frozen=True)
class Story:
    """One transfer, from what went in to what came out.

    Attributes:
        before: The input at the output's rate.
        moved: The line that tells of a move into the style's register, if there was one.

    Shape:
        before ``(S,)``.
    """

    source: str
    style: str
    model: str
    settings: Settings
    before: np.ndarray
    result: Transferred
    moved: str | None = None


def write_extras(extras: Extras, story: Story) -> None:
    """Write what is wanted, each file whole or not at all."""
    if extras.midi is not None:
        shift = story.result.transpose
        write_midi(extras.midi, story.result.notes, name=f"moved by {shift:+d} semitones" if shift else "")
    if extras.plot is None and extras.report is None:
        return
    from stylebox.core.pictures import png, spectrograms, write_png  # matplotlib is slow to import

    source = "standard input" if story.source == "-" else Path(story.source).name
    titles = (f"in: {source}", f"out: {story.style}")
    figure = spectrograms(story.before, story.result.audio, story.result.sample_rate, titles)
    if extras.plot is not None:
        write_png(extras.plot, figure)
    if extras.report is not None:
        from stylebox.core.report import report_page

        write_text(extras.report, report_page(story, source, png(figure)))
