"""What makes sound: `transfer`, `generate`, `record`. The core is imported inside the commands: it imports torch."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stylebox import options as opt
from stylebox.console import console
from stylebox.entry import FAILED, compute_device, fail_with

if TYPE_CHECKING:
    from stylebox.core.extras import Extras
    from stylebox.core.sources.record import Take
    from stylebox.core.transfer import TransferBatch
    from stylebox.core.wishes import TransferOptions


def transfer(
    sources: opt.Inputs,
    style: opt.Style,
    output: opt.Output = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    strength: opt.Strength = None,
    seed: opt.Seed = None,
    transpose: opt.Transpose = None,
    follow: opt.Follow = None,
    bend: opt.Bend = None,
    vibrato: opt.Vibrato = None,
    midi: opt.MidiOut = None,
    plot: opt.Plot = None,
    report: opt.Report = None,
    vocoder: opt.Vocoder = opt.VocoderName.auto,
    model: opt.Model = "base",
    device: opt.Device = opt.DeviceName.auto,
    play: opt.Play = False,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Hear recordings played by another instrument: same notes, same timing, same length."""
    _refuse_two_on_stdout(output, as_json)
    _refuse_unplayable(play, output)
    from stylebox.core.extras import Extras
    from stylebox.core.wishes import TransferOptions

    wishes = TransferOptions(style, steps, guidance, strength, seed, transpose, vocoder.value, follow, bend, vibrato)
    batch = _transferred(sources, output, wishes, Extras(midi, plot, report), model, device, force, as_json)
    if as_json:
        console.document(batch)
    if play:
        _play([Path(made.output) for made in batch.done])
    fail_with([failure.reason for failure in batch.failed])


def generate(
    style: opt.Style,
    notes: opt.Notes = None,
    seconds: opt.Seconds = None,
    output: opt.Output = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    strength: opt.Strength = None,
    seed: opt.Seed = None,
    transpose: opt.Transpose = None,
    vocoder: opt.Vocoder = opt.VocoderName.auto,
    model: opt.Model = "base",
    device: opt.Device = opt.DeviceName.auto,
    play: opt.Play = False,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Make new audio in a style: from a MIDI file, or from notes it invents."""
    _refuse_two_on_stdout(output, as_json)
    _refuse_unplayable(play, output)
    if notes is not None and seconds is not None:
        raise typer.BadParameter("--notes and --seconds exclude each other: a MIDI file has its own length")
    from stylebox.core.generate import generate_file
    from stylebox.core.transfer import load_engine
    from stylebox.core.wishes import TransferOptions

    wishes = TransferOptions(style, steps, guidance, strength, seed, transpose, vocoder.value)
    engine = load_engine(model, compute_device(device))
    with console.progress() as progress:
        report = generate_file(output, wishes, engine, notes=notes, seconds=seconds, force=force, progress=progress)
    console.made(report, results=not as_json)
    if as_json:
        console.document(report)
    if play:
        _play([Path(report.output)])


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
        from stylebox.core.sound.device_io import list_inputs

        console.listing(list_inputs(), as_json)
        return
    _refuse_two_on_stdout(output, as_json)
    _refuse_unplayable(play, output)
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
        from stylebox.core.extras import Extras
        from stylebox.core.wishes import TransferOptions

        wishes = TransferOptions(
            style, steps, guidance, strength, seed, transpose, vocoder.value, follow, bend, vibrato
        )
        batch = _transferred([take.path], output, wishes, Extras(midi), model, compute, force, as_json)
        heard = [Path(report.output) for report in batch.done]
    elif output is not None:
        from stylebox.core.sources.takes import copy_take

        copied = copy_take(take.path, output, force)
        if not as_json and str(output) != "-":
            console.result(copied)
    if as_json:
        console.document({"take": take, "filed": filed, "copied": copied, "transfer": batch})
    if play:
        _play(heard)
    fail_with([failure.reason for failure in batch.failed] if batch else [])
    if take.failure is not None:
        raise typer.Exit(FAILED)


def _transferred(
    sources: Sequence[Path],
    output: Path | None,
    wishes: "TransferOptions",
    extras: "Extras",
    model: str,
    device: opt.DeviceName,
    force: bool,
    as_json: bool,
) -> "TransferBatch":
    """Every source as wished, each told as it is made."""
    from stylebox.core.transfer import load_engine, transfer_files

    engine, told = load_engine(model, compute_device(device)), partial(console.made, results=not as_json)
    with console.progress() as progress:
        return transfer_files(sources, output, wishes, engine, force=force, extras=extras, made=told, progress=progress)


def _record(device: str | None, channel: int | None, seconds: float | None) -> "Take":
    """A take, with all that is seen meanwhile."""
    from stylebox.core.paths import recordings_dir
    from stylebox.core.sound.device_io import open_input
    from stylebox.core.sources.record import record as record_take
    from stylebox.live import level_meter, stop_request

    stream = open_input(device, channel)
    console.note(f"recording from {stream.name} at {stream.sample_rate} Hz; Enter or Ctrl-C ends it")
    with stop_request() as stop, level_meter() as meter:
        return record_take(stream, recordings_dir(), seconds=seconds, stop=stop, meter=meter)


def _file(take: Path, instrument: str) -> Path:
    """A take as training material."""
    from stylebox.core.paths import sources_dir
    from stylebox.core.sources.takes import file_take

    filed = file_take(take, instrument, sources_dir())
    console.note(f"filed as {filed}")
    return filed


def _play(files: Sequence[Path]) -> None:
    """Play files one after another; Ctrl-C ends only that."""
    from stylebox.core.sound.audio import load_audio, probe
    from stylebox.core.sound.device_io import play

    try:
        for file in files:
            sample_rate = probe(file).sample_rate
            play(load_audio(file, sample_rate), sample_rate)
    except KeyboardInterrupt:
        console.note("playing stopped")


def _refuse_two_on_stdout(output: Path | None, as_json: bool) -> None:
    """Usage: stdout holds one thing."""
    if as_json and str(output) == "-":
        raise typer.BadParameter("--json and --output - both write to stdout")


def _refuse_unplayable(play: bool, output: Path | None) -> None:
    """Before any work: a sound can be played, if that is wished."""
    if not play:
        return
    if str(output) == "-":
        raise typer.BadParameter("--play and --output - exclude each other: what goes to stdout is gone")
    from stylebox.core.sound.device_io import check_output

    check_output()


def _refuse_unknown(style: str, model: str) -> None:
    """Before anyone plays a note: the style asked for is one."""
    from stylebox.core.style_list import list_styles
    from stylebox.core.styles import check_style

    check_style(style, [known.name for known in list_styles(model)])


def _refuse_taken(output: Path | None, midi: Path | None, instrument: str | None, force: bool) -> None:
    """Before anyone plays a note: what is to be written has a name that is free, and a format that can be written."""
    from stylebox.core.extras import Extras
    from stylebox.core.paths import refuse_overwrite
    from stylebox.core.sound.audio import check_format
    from stylebox.core.sources.takes import check_instrument

    for target in (output, midi):
        if target is not None and str(target) != "-" and not target.is_dir():
            refuse_overwrite(target, force)
    if output is not None and not output.is_dir():
        check_format(output)
    Extras(midi).check()
    if instrument is not None:
        check_instrument(instrument)
