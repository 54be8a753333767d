"""`stylebox build`: build a training dataset from recordings."""

from dataclasses import asdict

from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.exit import fail_with
from stylebox.console.views import show_build


def build(
    sources: opt.Sources = None,
    dataset: opt.Dataset = None,
    preset: opt.Preset = "base",
    max_minutes: opt.MaxMinutes = 30.0,
    equalise: opt.Equalise = False,
    images: opt.Images = False,
    pairs: opt.Pairs = None,
    shards: opt.Shards = None,
    shard_size: opt.ShardSize = 256,
    jobs: opt.Jobs = None,
    as_json: opt.AsJson = False,
) -> None:
    """Build a training dataset from recordings. Recordings that have not changed are not processed again."""
    from stylebox.core import paths
    from stylebox.core.config import load_preset
    from stylebox.core.data.build import build as build_dataset
    from stylebox.core.data.dataset import Dataset
    from stylebox.core.data.shards import write_shards
    from stylebox.core.jobs.export import export_dataset
    from stylebox.core.lock import sole_writer

    folder = dataset or paths.dataset_dir()
    with sole_writer(folder, "stylebox build"), console.progress() as progress:
        report = build_dataset(
            sources or paths.sources_dir(),
            folder,
            mel=load_preset(preset).mel,
            jobs=jobs,
            max_minutes=max_minutes,
            equalise=equalise,
            progress=progress,
        )
        exports = [str(path) for path in export_dataset(report.dataset, images, pairs, progress)]
        if shards:
            write_shards(Dataset.open(report.dataset), shards, shard_size << 20, progress)
            exports.append(shards)
    for line in (*report.warnings, *report.remarks):
        console.warning(line)
    for skipped in report.skipped:
        if skipped not in report.broken:
            console.note(f"left out, {skipped.kind}: {skipped.reason}")
    if as_json:
        console.document(asdict(report) | {"exports": exports})
    else:
        show_build(report)
        for path in (report.dataset, *exports):
            console.result(path)
    fail_with([skipped.reason for skipped in report.broken])
