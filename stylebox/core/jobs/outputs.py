"""What is kept of a transfer besides its sound: the notes, a picture, a page; and what is reported of a file.

Knows no pipeline.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from stylebox.core.errors import StyleboxError
from stylebox.core.files import refuse_overwrite, write_text
from stylebox.core.jobs.shown_sound import ShownSound, page_suffix
from stylebox.core.jobs.sound_format import SoundFormat
from stylebox.core.music.midi.write import write_midi
from stylebox.core.pipeline.result import TransferFacts, TransferResult
from stylebox.core.standard_streams import STREAM

SUFFIXES = {"midi": (".mid", ".midi"), "plot": (".png",), "report": (".html", ".htm")}


@dataclass(frozen=True)
class SideOutputs:
    """Where each side output goes, if it is asked for: a file, or a folder where there are several sources.

    Attributes:
        midi: The notes found, as played in the output.
        plot: Spectrograms of input and output, as PNG.
        report: One HTML page with both sounds, the spectrograms, the settings and the notes.
    """

    midi: Path | None = None
    plot: Path | None = None
    report: Path | None = None

    def named(self) -> dict[str, Path]:
        """Those asked for, by name."""
        return {name: path for name, path in vars(self).items() if path is not None}

    def paths(self) -> list[Path]:
        """Those asked for."""
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
                raise StyleboxError(
                    f"{path}: --{name} writes {SUFFIXES[name][0]} files; end its name with {SUFFIXES[name][0]}"
                )


@dataclass(frozen=True)
class FileReport:
    """A file that was written, as `--json` prints it: facts of the file beside those of its transfer.

    Attributes:
        source: The input, or what it is called.
        output: The file written.
        style: As it was asked for.
        seconds: Length of the output.
        seed: Of all noise.
        transpose: Semitones from input to output.
        notes: How many notes the output plays.
        warnings: What a listener should know.
        clipped_db: By how many dB the output was turned down so that it does not clip.
        sample_rate: Of the output, in Hz.
        channels: Of the output.
        bits: Per sample of the output; formats that lose something have no depth, and 16 here.
        real_time_factor: Seconds of work per second of sound.
        moved: The line that reports a move into the style's register, if there was one.
        settings: What else it was made with.
        midi: The MIDI file written, if any.
        plot: The picture written, if any.
        report: The HTML page written, if any.
    """

    source: str
    output: str
    style: str
    seconds: float
    seed: int
    transpose: int
    notes: int
    warnings: list[str]
    clipped_db: float
    sample_rate: int
    channels: int
    bits: int
    real_time_factor: float
    moved: str | None = None
    settings: dict[str, float | str | None] = field(default_factory=dict)
    midi: str | None = None
    plot: str | None = None
    report: str | None = None

    @classmethod
    def of(
        cls,
        result: TransferFacts | TransferResult,
        source: str,
        output: Path,
        side_outputs: SideOutputs,
        sound: SoundFormat,
        *,
        clipped_db: float,
        work_seconds: float,
    ) -> "FileReport":
        """The report of a result that was written to a file.

        Args:
            result: What was made.
            source: The input, or what it is called.
            output: The file written.
            side_outputs: What was written beside it.
            sound: Rate, channels and depth of the file.
            clipped_db: By how many dB the sound was turned down.
            work_seconds: How long the work took.
        """
        return cls(
            source=source,
            output=str(output),
            style=result.style,
            seconds=result.seconds,
            seed=result.seed,
            transpose=result.transpose,
            notes=len(result.notes),
            warnings=result.warnings,
            clipped_db=clipped_db,
            sample_rate=sound.sample_rate,
            channels=sound.channels,
            bits=sound.bits,
            real_time_factor=work_seconds / max(result.seconds, 1e-9),
            moved=result.moved,
            settings=result.settings.details(),
            **{name: str(path) for name, path in side_outputs.named().items()},
        )


def write_plot(path: Path, before: ShownSound, after: ShownSound, source: str, style: str) -> None:
    """Write the spectrograms of an input and an output as PNG, whole or not at all.

    Args:
        path: The file.
        before: The input, at the output's rate.
        after: The output.
        source: The input's path; "-" is standard input.
        style: Of the output.
    """
    from stylebox.core.jobs.spectrogram_image import drawn, write_png

    shown = [(sound.levels, sound.step_seconds) for sound in (before, after)]
    titles = (f"in: {name_of(source)}", f"out: {style}")
    write_png(path, drawn(shown, max(before.seconds, after.seconds), after.sample_rate, titles))


class RecordingPage:
    """One report page for all styles of a recording.

    Args:
        path: Where it will be.
        source: The recording's path; "-" is standard input.
        styles: How many there are.
    """

    def __init__(self, path: Path, source: str, styles: int = 1) -> None:
        self.path = path
        self._source, self._styles = source, styles
        self._facts: list[TransferFacts] = []
        self._sounds: list[ShownSound] = []

    def check(self, force: bool) -> None:
        """Raise before any work what would fail after it.

        Raises:
            StyleboxError: the page exists and may not be overwritten, or its suffix is wrong.
        """
        SideOutputs(report=self.path).check()
        refuse_overwrite(self.path, force, [Path(self._source)])

    def suffix(self, before: int, after: int, sample_rate: int) -> str:
        """The format that all of its sounds have.

        Args:
            before: Samples of all channels of the input.
            after: Samples of all channels of one output.
            sample_rate: Of all, in Hz.
        """
        return page_suffix(before + self._styles * after, sample_rate)

    def add(self, facts: TransferFacts, before: ShownSound, after: ShownSound) -> None:
        """Add an output.

        Args:
            facts: Of the transfer.
            before: The input, with its file, at the output's rate.
            after: The output, with its file.
        """
        self._facts.append(facts)
        self._sounds = [before, *self._sounds[1:], after]

    def write(self) -> bool:
        """Write the page with the outputs so far; without any there is none. Tells whether it was written."""
        if self._facts:
            from stylebox.core.jobs.html import report_page

            write_text(self.path, report_page(self._facts, self._sounds, self._source), follow_link=True)
        return bool(self._facts)


def name_of(source: str) -> str:
    """What an input is called."""
    return "standard input" if source == STREAM else Path(source).name


def write_notes(path: Path, result: TransferFacts | TransferResult) -> None:
    """Write the notes of an output as a MIDI file, whole or not at all; its track names a transposition."""
    shift = result.transpose
    notes = [note._replace(cents=0.0) for note in result.notes]  # bends of the input, not of the instrument
    write_midi(path, notes, name=f"moved by {shift:+d} semitones" if shift else "")
