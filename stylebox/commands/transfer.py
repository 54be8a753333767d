"""`stylebox transfer`: play recordings with another instrument."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stylebox.commands.loading import load_model
from stylebox.commands.output import check_playable, check_stdout, play_files
from stylebox.console import options as opt
from stylebox.console.choices import DeviceName
from stylebox.console.console import console
from stylebox.console.exit import fail_with
from stylebox.console.option_groups import Playing
from stylebox.console.views import show_transfer

if TYPE_CHECKING:
    from stylebox.core.jobs.outputs import SideOutputs
    from stylebox.core.jobs.transfer import TransferBatch
    from stylebox.core.pipeline.options import TransferOptions


def transfer(
    sources: opt.Inputs,
    style: opt.Style,
    output: opt.Output = None,
    *,
    playing: Playing,
    midi: opt.MidiOut = None,
    plot: opt.Plot = None,
    report: opt.Report = None,
    model: opt.Model = "base",
    device: opt.Device = DeviceName.auto,
    play: opt.Play = False,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Play recordings with another instrument: same notes, same timing, same length."""
    check_stdout(output, as_json)
    check_playable(play, output)
    from stylebox.core.jobs.outputs import SideOutputs

    side_outputs = SideOutputs(midi=midi, plot=plot, report=report)
    batch = transfer_sources(sources, output, playing.in_style(style), side_outputs, model, device, force, as_json)
    if as_json:
        console.document(batch)
    if play:
        play_files([Path(done.output) for done in batch.done])
    fail_with([failure.reason for failure in batch.failed])


def transfer_sources(
    sources: Sequence[Path],
    output: Path | None,
    options: "TransferOptions",
    side_outputs: "SideOutputs",
    model: str,
    device: DeviceName,
    force: bool,
    as_json: bool,
) -> "TransferBatch":
    """Transfer files and show each one when it is done.

    Args:
        sources: Recordings, or folders of recordings; ``-`` is stdin.
        output: A file or a folder; None makes names from source and style.
        options: The style, and the settings of the transfer.
        side_outputs: Files to write besides the audio.
        model: Name of a model, or path of its folder.
        device: Where the networks run.
        force: Replace existing files.
        as_json: Leave stdout to a JSON document.

    Returns:
        The files that were written, and those that failed.
    """
    pipeline = load_model(model, device)
    from stylebox.core.jobs.transfer import transfer_files

    show = partial(show_transfer, results=not as_json)
    with console.progress() as progress:
        return transfer_files(
            sources, output, options, pipeline, force=force, side_outputs=side_outputs, made=show, progress=progress
        )
