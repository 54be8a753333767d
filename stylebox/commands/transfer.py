"""`transfer`: recordings played by another instrument. The core is imported inside: it imports torch."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stylebox.commands.output import check_playable, check_stdout, play_files
from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.device import compute_device
from stylebox.console.exit import fail_with

if TYPE_CHECKING:
    from stylebox.core.jobs.outputs import SideOutputs
    from stylebox.core.jobs.transfer import TransferBatch
    from stylebox.core.pipeline.options import TransferOptions


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
    check_stdout(output, as_json)
    check_playable(play, output)
    from stylebox.core.jobs.outputs import SideOutputs
    from stylebox.core.pipeline.options import TransferOptions

    options = TransferOptions(style, steps, guidance, strength, seed, transpose, vocoder.value, follow, bend, vibrato)
    batch = transfer_sources(sources, output, options, SideOutputs(midi, plot, report), model, device, force, as_json)
    if as_json:
        console.document(batch)
    if play:
        play_files([Path(made.output) for made in batch.done])
    fail_with([failure.reason for failure in batch.failed])


def transfer_sources(
    sources: Sequence[Path],
    output: Path | None,
    options: "TransferOptions",
    side_outputs: "SideOutputs",
    model: str,
    device: opt.DeviceName,
    force: bool,
    as_json: bool,
) -> "TransferBatch":
    """Every source as wished, each told as it is made."""
    from stylebox.core.jobs.transfer import load_pipeline, transfer_files

    pipeline, told = load_pipeline(model, compute_device(device)), partial(console.made, results=not as_json)
    with console.progress() as progress:
        return transfer_files(
            sources, output, options, pipeline, force=force, side_outputs=side_outputs, made=told, progress=progress
        )
