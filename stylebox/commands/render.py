"""`stylebox render`: render scores with SoundFonts and recorded notes, as training material."""

import os
from dataclasses import asdict

from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.exit import fail_with
from stylebox.console.views import show_render


def render(
    soundfont: opt.SoundFonts = None,
    samples: opt.Samples = None,
    midi: opt.MidiFolder = None,
    minutes: opt.Minutes = 10.0,
    instruments: opt.Instruments = None,
    timbres: opt.Timbres = None,
    pedal: opt.Pedal = 0.0,
    to: opt.To = None,
    seed: opt.RenderSeed = 42,
    jobs: opt.Jobs = None,
    as_json: opt.AsJson = False,
) -> None:
    """Render training material: scores played by SoundFonts, one folder per instrument, with the notes as MIDI."""
    from stylebox.core import paths
    from stylebox.core.lock import sole_writer
    from stylebox.core.music.instruments import instruments_named
    from stylebox.core.sources.render.render import render as render_scores
    from stylebox.core.sources.render.soundfont import find_soundfonts

    folder = to or paths.sources_dir()
    with sole_writer(folder, "stylebox render"), console.progress() as progress:
        report = render_scores(
            folder,
            instruments=instruments_named(instruments),
            scores=midi,
            minutes=minutes,
            soundfonts=soundfont or find_soundfonts(),
            samples=samples,
            timbres_per_score=timbres,
            pedal=pedal,
            seed=seed,
            jobs=jobs or os.cpu_count() or 1,
            progress=progress,
        )
    for line in [*(remark.line for remark in report.samples), *report.scores]:
        console.warning(line)
    if report.seconds:
        pieces = "piece" if report.written == 1 else "pieces"
        console.note(f"{report.written} {pieces} written, {report.skipped} existed already")
    if as_json:
        console.document(asdict(report) | {"folder": folder})
    elif report.seconds:
        show_render(report)
        console.result(folder)
    fail_with(report.failures)
