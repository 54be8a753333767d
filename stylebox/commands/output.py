"""Checks of `--output`, and playback, for the commands that write audio."""

from collections.abc import Sequence
from pathlib import Path

import typer

from stylebox.console.choices import FormatName
from stylebox.console.console import console


def play_files(files: Sequence[Path]) -> None:
    """Play files one after another; Ctrl-C ends playback and nothing else."""
    from stylebox.core.audio.io.devices.sound_card import play
    from stylebox.core.audio.io.read import load_audio, probe

    try:
        for file in files:
            sample_rate = probe(file).sample_rate
            play(load_audio(file, sample_rate), sample_rate)
    except KeyboardInterrupt:
        console.note("playback stopped")


def check_format_option(output: Path | None, format: FormatName | None) -> None:
    """Refuse a format that the name of the output contradicts.

    Raises:
        typer.BadParameter: They disagree.
    """
    if output is None or format is None or output.is_dir():
        return
    named = "wav" if str(output) == "-" else output.suffix.lower().lstrip(".")
    if named and named != format:
        raise typer.BadParameter(f"--output {output} and --format {format} disagree; leave one out")


def check_stdout(output: Path | None, as_json: bool) -> None:
    """Refuse to write both audio and a JSON document to stdout.

    Raises:
        typer.BadParameter: Both are requested.
    """
    if as_json and str(output) == "-":
        raise typer.BadParameter("--json and --output - both write to stdout; use one of them")


def is_played(play: bool, output: Path | None, by_default: bool) -> bool:
    """Whether the result will be played; checks before the work begins that it can be.

    Args:
        play: Whether that is wanted.
        output: "-" is stdout.
        by_default: Whether it is the user's default that wants it; then it gives way to stdout.

    Raises:
        typer.BadParameter: The result goes to stdout, so there is no file to play.
        AudioError: There is no audio output.
    """
    to_stdout = str(output) == "-"
    if not play or (to_stdout and by_default):
        return False
    if to_stdout:
        raise typer.BadParameter("--play needs a file; do not use it with --output -")
    from stylebox.core.audio.io.devices.sound_card import check_output

    check_output()
    return True
