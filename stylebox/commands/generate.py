"""`stylebox generate`: new audio in a style, from a MIDI file or from random notes."""

from pathlib import Path

import typer

from stylebox.commands.loading import load_model
from stylebox.commands.output import check_stdout, is_played, play_files
from stylebox.console import options as opt
from stylebox.console.choices import DeviceName, VocoderName
from stylebox.console.console import console
from stylebox.console.defaults import is_default
from stylebox.console.views import show_transfer


def generate(
    context: typer.Context,
    style: opt.Style,
    notes: opt.Notes = None,
    seconds: opt.Seconds = None,
    tempo: opt.Tempo = 1.0,
    output: opt.Output = None,
    steps: opt.Steps = None,
    guidance: opt.Guidance = None,
    strength: opt.Strength = None,
    seed: opt.Seed = None,
    transpose: opt.Transpose = None,
    vocoder: opt.Vocoder = VocoderName.auto,
    model: opt.Model = "base",
    device: opt.Device = DeviceName.auto,
    play: opt.Play = False,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Generate new audio in a style, from a MIDI file or from random notes."""
    check_stdout(output, as_json)
    play = is_played(play, output, is_default(context, "play"))
    if notes is not None and is_default(context, "seconds"):
        seconds = None
    if notes is not None and seconds is not None:
        raise typer.BadParameter("use --notes or --seconds, not both: a MIDI file has its own length")
    from stylebox.core.pipeline.options import TransferOptions

    options = TransferOptions(
        style=style,
        steps=steps,
        guidance=guidance,
        strength=strength,
        seed=seed,
        transpose=transpose,
        vocoder=vocoder.value,
    )
    pipeline = load_model(model, device)
    from stylebox.core.jobs.generate import generate_file

    with console.progress() as progress:
        report = generate_file(
            output, options, pipeline, notes=notes, seconds=seconds, tempo=tempo, force=force, progress=progress
        )
    show_transfer(report, results=not as_json)
    if as_json:
        console.document(report)
    if play:
        play_files([Path(report.output)])
