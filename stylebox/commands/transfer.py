"""`stylebox transfer`: play recordings with another instrument."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stylebox.commands.loading import load_model
from stylebox.commands.output import check_format_option, check_stdout, is_played, play_files
from stylebox.console import options as opt
from stylebox.console.choices import DeviceName
from stylebox.console.console import console
from stylebox.console.defaults import is_default
from stylebox.console.exit import fail_with
from stylebox.console.option_groups import Batch, Playing, Sound
from stylebox.console.views import show_transfer

if TYPE_CHECKING:
    from stylebox.core.jobs.outputs import SideOutputs
    from stylebox.core.jobs.transfer_outcome import TransferBatch
    from stylebox.core.pipeline.options import TransferOptions


def transfer(
    context: typer.Context,
    sources: opt.Inputs,
    style: opt.TransferStyles,
    output: opt.Output = None,
    *,
    batch: Batch,
    playing: Playing,
    sound: Sound,
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
    check_format_option(output, None if is_default(context, "format") else batch.format)
    play = is_played(play, output, is_default(context, "play"))
    from stylebox.core.jobs.outputs import SideOutputs

    outcome = transfer_sources(
        sources,
        output,
        sound.of(playing.in_style(style[0])),
        SideOutputs(midi=midi, plot=plot, report=report),
        model,
        device,
        force,
        as_json,
        styles=style,
        batch=batch,
    )
    _summarise(outcome, as_json)
    if as_json:
        console.document(outcome)
    if play:
        play_files([Path(done.output) for done in outcome.done])
    fail_with([failure.reason for failure in outcome.failed])


def _summarise(outcome: "TransferBatch", as_json: bool) -> None:
    """Show the pages of several styles, what was skipped and, for several files, how many there are of each kind."""
    for page in () if as_json else outcome.pages:
        console.result(page)
    for line in outcome.passed_over:
        console.note(line)
    for skipped in outcome.skipped:
        console.detail(f"{skipped.output}: exists already")
        if skipped.outdated:
            console.warning(f"{skipped.output}: is older than {skipped.source}; --force makes it again")
    counts = {"made": len(outcome.done), "exist already": len(outcome.skipped), "failed": len(outcome.failed)}
    if sum(counts.values()) > 1 or outcome.skipped:
        hint = "; --force makes those that exist again" if outcome.skipped else ""
        console.note(", ".join(f"{count} {kind}" for kind, count in counts.items() if count) + hint)


def transfer_sources(
    sources: Sequence[Path],
    output: Path | None,
    options: "TransferOptions",
    side_outputs: "SideOutputs",
    model: str,
    device: DeviceName,
    force: bool,
    as_json: bool,
    *,
    styles: Sequence[str] = (),
    batch: Batch | None = None,
) -> "TransferBatch":
    """Transfer files and show each one when it is done.

    Args:
        sources: Recordings, folders of recordings, or patterns; ``-`` is stdin.
        output: A file or a folder; None makes names from source and style.
        options: The style, and the settings of the transfer.
        side_outputs: Files to write besides the audio.
        model: Name of a model, or path of its folder.
        device: Where the networks run.
        force: Replace existing files.
        as_json: Leave stdout to a JSON document.
        styles: Styles to transfer to; that of `options` unless given.
        batch: How outputs are named, and which share of the files to transfer, by how many processes.

    Returns:
        The files that were written, those that exist already, and those that failed.
    """
    batch = batch or Batch()
    naming, share = batch.naming(), batch.share()
    pipeline = load_model(model, device)
    from stylebox.core.jobs.transfer import transfer_files

    show = partial(show_transfer, results=not as_json)
    with console.progress() as progress:
        return transfer_files(
            sources,
            output,
            options,
            pipeline,
            styles=styles,
            naming=naming,
            part=share,
            jobs=batch.jobs,
            force=force,
            side_outputs=side_outputs,
            made=show,
            progress=progress,
        )
