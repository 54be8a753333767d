"""`stylebox transcribe`: the notes of recordings as MIDI files."""

from functools import partial

from stylebox.commands.loading import load_model
from stylebox.console import options as opt
from stylebox.console.choices import DeviceName
from stylebox.console.console import console
from stylebox.console.exit import fail_with
from stylebox.console.views import show_transcription


def transcribe(
    sources: opt.Inputs,
    output: opt.MidiFile = None,
    no_bends: opt.NoBends = False,
    model: opt.Model = "base",
    device: opt.Device = DeviceName.auto,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Write the notes of recordings as MIDI files, with velocities and pitch bends."""
    pipeline = load_model(model, device)
    from stylebox.core.jobs.transcribe import transcribe_files

    show = partial(show_transcription, results=not as_json)
    with console.progress() as progress:
        batch = transcribe_files(
            sources, output, pipeline, bends=not no_bends, force=force, made=show, progress=progress
        )
    for line in batch.passed_over:
        console.note(line)
    for path in batch.skipped:
        console.note(f"{path}: exists already, skipped; --force replaces it")
    if as_json:
        console.document(batch)
    fail_with(batch.failed)
