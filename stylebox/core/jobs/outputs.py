"""What is kept of a transfer besides its sound: the notes, a picture, a report. Knows no pipeline."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stylebox.core.errors import StyleboxError
from stylebox.core.music.notes import write_midi
from stylebox.core.paths import write_text
from stylebox.core.pipeline.options import Settings
from stylebox.core.pipeline.result import TransferResult

SUFFIXES = {"midi": (".mid", ".midi"), "plot": (".png",), "report": (".html", ".htm")}


@dataclass(frozen=True)
class SideOutputs:
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

    def within(self, stem: str) -> "SideOutputs":
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
    result: TransferResult
    moved: str | None = None


def write_side_outputs(side_outputs: SideOutputs, story: Story) -> None:
    """Write what is wanted, each file whole or not at all."""
    if side_outputs.midi is not None:
        shift = story.result.transpose
        write_midi(side_outputs.midi, story.result.notes, name=f"moved by {shift:+d} semitones" if shift else "")
    if side_outputs.plot is None and side_outputs.report is None:
        return
    from stylebox.core.jobs.spectrogram_image import png, spectrograms, write_png  # matplotlib is slow to import

    source = "standard input" if story.source == "-" else Path(story.source).name
    titles = (f"in: {source}", f"out: {story.style}")
    figure = spectrograms(story.before, story.result.audio, story.result.sample_rate, titles)
    if side_outputs.plot is not None:
        write_png(side_outputs.plot, figure)
    if side_outputs.report is not None:
        from stylebox.core.jobs.html import report_page

        write_text(side_outputs.report, report_page(story, source, png(figure)))
