"""`stylebox record`: record a take and transfer it."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stylebox.commands.output import check_stdout, is_played, play_files
from stylebox.commands.record_live import record_live
from stylebox.commands.transfer import transfer_sources
from stylebox.console import options as opt
from stylebox.console import record_options as rec
from stylebox.console.choices import DeviceName
from stylebox.console.console import console
from stylebox.console.defaults import is_default
from stylebox.console.exit import FAILED, fail_with
from stylebox.console.option_groups import Microphone, Playing
from stylebox.console.views import show_kept_take, show_list, show_take

if TYPE_CHECKING:
    from stylebox.core.jobs.record import KeptTake
    from stylebox.core.jobs.transfer_outcome import TransferBatch
    from stylebox.core.sources.record.recorder import Take


def record(
    context: typer.Context,
    style: rec.TakeStyle = None,
    *,
    playing: Playing,
    live: rec.Live = False,
    look_ahead: rec.LookAhead = None,
    microphone: Microphone,
    list_devices: rec.ListDevices = False,
    instrument: rec.Instrument = None,
    output: rec.TakeOutput = None,
    midi: opt.MidiOut = None,
    model: opt.Model = "base",
    device: rec.RecordDevice = DeviceName.auto,
    compute: rec.Compute = None,
    play: opt.Play = False,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Record a take and, with --style, transfer it. Enter or Ctrl-C ends the take.

    With --live the transfer is played while you play, two to three seconds later.
    """
    if list_devices:
        _list_inputs(as_json)
        return
    _check_usage(style, output, midi, as_json)
    play = is_played(play, output, is_default(context, "play"))
    if not live and is_default(context, "look_ahead"):
        look_ahead = None
    _check_live_usage(live, style, look_ahead, output, midi, play)
    from stylebox.core.jobs.outputs import SideOutputs
    from stylebox.core.jobs.record import check_take, keep_take

    check_take(style, model, output=output, midi=midi, instrument=instrument, force=force)
    if live and style is not None:
        chosen = compute or device
        record_live(playing.in_style(style), microphone, model, chosen, look_ahead, instrument, output, as_json)
        return
    take = _record_take(microphone)
    results = not as_json and str(output) != "-"
    show_take(take, results)
    kept = keep_take(take.path, instrument, None if style else output, force)
    show_kept_take(kept, results)
    batch = None
    if style is not None:
        options, sides = playing.in_style(style), SideOutputs(midi=midi)
        batch = transfer_sources([take.path], output, options, sides, model, compute or device, force, as_json)
    _finish(take, kept, batch, play, as_json)


def _list_inputs(as_json: bool) -> None:
    """List the audio inputs of this machine."""
    from stylebox.core.audio.io.devices.sound_card import list_inputs

    show_list(list_inputs(), as_json)


def _check_usage(style: str | None, output: Path | None, midi: Path | None, as_json: bool) -> None:
    """Refuse options that exclude each other."""
    check_stdout(output, as_json)
    if midi is not None and style is None:
        raise typer.BadParameter("--midi writes the notes of a transfer; it requires --style")


def _check_live_usage(
    live: bool, style: str | None, look_ahead: float | None, output: Path | None, midi: Path | None, play: bool
) -> None:
    """Refuse options that do not go with --live, or only with it."""
    if not live:
        if look_ahead is not None:
            raise typer.BadParameter("--look-ahead is for --live")
        return
    if style is None:
        raise typer.BadParameter("--live transfers while you play; it requires --style")
    if midi is not None or play or str(output) == "-":
        raise typer.BadParameter("--live goes with neither --midi, --play nor -o -; transfer the take afterwards")


def _record_take(microphone: Microphone) -> "Take":
    """Record a take while a level meter shows its level."""
    from stylebox.console.level_meter import level_meter, stop_request
    from stylebox.core.audio.io.devices.sound_card import open_input
    from stylebox.core.paths import recordings_dir
    from stylebox.core.sources.record.recorder import record as record_stream

    stream = open_input(microphone.audio_input, microphone.channel)
    console.note(f"recording from {stream.name} at {stream.sample_rate} Hz; Enter or Ctrl-C ends the take")
    with stop_request() as stop, level_meter() as meter:
        return record_stream(stream, recordings_dir(), seconds=microphone.seconds, stop=stop, meter=meter)


def _finish(take: "Take", kept: "KeptTake", batch: "TransferBatch | None", play: bool, as_json: bool) -> None:
    """Write the JSON document, play the result, and exit with an error if the take or the transfer failed."""
    if as_json:
        console.document({"take": take, "filed": kept.filed, "copied": kept.copied, "transfer": batch})
    if play:
        play_files([Path(done.output) for done in batch.done] if batch else [take.path])
    fail_with([failure.reason for failure in batch.failed] if batch else [])
    if take.failure is not None:  # shown already
        raise typer.Exit(FAILED)
