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


def check_playable(play: bool, output: Path | None) -> None:
    """Check before the work begins that the result can be played, if that is requested.

    Raises:
        typer.BadParameter: The result goes to stdout, so there is no file to play.
        AudioError: There is no audio output.
    """
    if not play:
        return
    if str(output) == "-":
        raise typer.BadParameter("--play needs a file; do not use it with --output -")
    from stylebox.core.audio.io.devices.sound_card import check_output

    check_output()
