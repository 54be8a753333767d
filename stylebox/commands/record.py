"""`record`: a take from the microphone, and its transfer."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stylebox.commands.output import check_playable, check_stdout, play_files
from stylebox.commands.transfer import transfer_sources
from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.exit import FAILED, fail_with

if TYPE_CHECKING:
    from stylebox.core.sources.record.recorder import Take


def record(
    style: opt.TakeStyle = None,
    seconds: opt.TakeSeconds = None,
    device: opt.AudioDevice = None,
    list_devices: opt.ListDevices = False,
    channel: opt.Channel = None,
    instrument: opt.Instrument = None,
    output: opt.TakeOutput = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    strength: opt.Strength = None,
    seed: opt.Seed = None,
    transpose: opt.Transpose = None,
    follow: opt.Follow = None,
    bend: opt.Bend = None,
    vibrato: opt.Vibrato = None,
    midi: opt.MidiOut = None,
    vocoder: opt.Vocoder = opt.VocoderName.auto,
    model: opt.Model = "base",
    compute: opt.Compute = opt.DeviceName.auto,
    play: opt.Play = False,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Record a clip, keep it, and hear it played by another instrument. Enter or Ctrl-C ends the take."""
    if list_devices:
        from stylebox.core.audio.io.sound_card import list_inputs

        console.listing(list_inputs(), as_json)
        return
    check_stdout(output, as_json)
    check_playable(play, output)
    if midi is not None and style is None:
        raise typer.BadParameter("--midi keeps the notes that a transfer hears; it needs --style")
    _refuse_taken(output, midi, instrument, force)
    if style is not None:
        _refuse_unknown(style, model)
    take = _record(device, channel, seconds)
    console.taken(take, result=not as_json and str(output) != "-")
    filed = None if instrument is None else _file(take.path, instrument)
    batch, copied, heard = None, None, [take.path]
    if style is not None:
        from stylebox.core.jobs.outputs import SideOutputs
        from stylebox.core.pipeline.options import TransferOptions

        options = TransferOptions(
            style, steps, guidance, strength, seed, transpose, vocoder.value, follow, bend, vibrato
        )
        batch = transfer_sources([take.path], output, options, SideOutputs(midi), model, compute, force, as_json)
        heard = [Path(report.output) for report in batch.done]
    elif output is not None:
        from stylebox.core.sources.record.takes import copy_take

        copied = copy_take(take.path, output, force)
        if not as_json and str(output) != "-":
            console.result(copied)
    if as_json:
        console.document({"take": take, "filed": filed, "copied": copied, "transfer": batch})
    if play:
        play_files(heard)
    fail_with([failure.reason for failure in batch.failed] if batch else [])
    if take.failure is not None:
        raise typer.Exit(FAILED)


def _record(device: str | None, channel: int | None, seconds: float | None) -> "Take":
    """A take, with all that is seen meanwhile."""
    from stylebox.console.level_meter import level_meter, stop_request
    from stylebox.core.audio.io.sound_card import open_input
    from stylebox.core.paths import recordings_dir
    from stylebox.core.sources.record.recorder import record as record_take

    stream = open_input(device, channel)
    console.note(f"recording from {stream.name} at {stream.sample_rate} Hz; Enter or Ctrl-C ends it")
    with stop_request() as stop, level_meter() as meter:
        return record_take(stream, recordings_dir(), seconds=seconds, stop=stop, meter=meter)


def _file(take: Path, instrument: str) -> Path:
    """A take as training material."""
    from stylebox.core.paths import sources_dir
    from stylebox.core.sources.record.takes import file_take

    filed = file_take(take, instrument, sources_dir())
    console.note(f"filed as {filed}")
    return filed


def _refuse_unknown(style: str, model: str) -> None:
    """Before anyone plays a note: the style asked for is one."""
    from stylebox.core.jobs.style_list import list_styles
    from stylebox.core.pipeline.style import check_style

    check_style(style, [known.name for known in list_styles(model)])


def _refuse_taken(output: Path | None, midi: Path | None, instrument: str | None, force: bool) -> None:
    """Before anyone plays a note: what is to be written has a name that is free, and a format that can be written."""
    from stylebox.core.audio.io.write import check_format
    from stylebox.core.jobs.outputs import SideOutputs
    from stylebox.core.paths import refuse_overwrite
    from stylebox.core.sources.record.takes import check_instrument

    for target in (output, midi):
        if target is not None and str(target) != "-" and not target.is_dir():
            refuse_overwrite(target, force)
    if output is not None and not output.is_dir():
        check_format(output)
    SideOutputs(midi).check()
    if instrument is not None:
        check_instrument(instrument)
