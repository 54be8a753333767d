"""Checks and playback that `transfer`, `generate` and `record` share."""

from collections.abc import Sequence
from pathlib import Path

import typer

from stylebox.console.console import console


def play_files(files: Sequence[Path]) -> None:
    """Play files one after another; Ctrl-C ends only that."""
    from stylebox.core.audio.io.read import load_audio, probe
    from stylebox.core.audio.io.sound_card import play

    try:
        for file in files:
            sample_rate = probe(file).sample_rate
            play(load_audio(file, sample_rate), sample_rate)
    except KeyboardInterrupt:
        console.note("playing stopped")


def check_stdout(output: Path | None, as_json: bool) -> None:
    """Usage: stdout holds one thing."""
    if as_json and str(output) == "-":
        raise typer.BadParameter("--json and --output - both write to stdout")


def check_playable(play: bool, output: Path | None) -> None:
    """Before any work: a sound can be played, if that is wished."""
    if not play:
        return
    if str(output) == "-":
        raise typer.BadParameter("--play and --output - exclude each other: what goes to stdout is gone")
    from stylebox.core.audio.io.sound_card import check_output

    check_output()
