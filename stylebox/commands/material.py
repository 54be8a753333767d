"""What to train on: `fetch`, `render`, `build`. No maths here; the core is imported inside the commands."""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from stylebox import options as opt
from stylebox.console import console
from stylebox.core.errors import SourceError
from stylebox.entry import fail_with

if TYPE_CHECKING:
    from stylebox.core.progress import ProgressCallback
    from stylebox.core.sources.catalogue import Catalogue
    from stylebox.core.sources.fetch_report import FetchReport

SPLITS: tuple[Literal["train", "valid", "test"], ...] = ("train", "valid", "test")


def fetch(
    catalogue: opt.Catalogue = None,
    to: opt.To = None,
    jobs: opt.Downloads = 4,
    codec: opt.Codec = None,
    playlists: opt.Playlists = False,
    rate_limit: opt.RateLimit = None,
    cookies: opt.Cookies = None,
    proxy: opt.Proxy = None,
    retries: opt.Retries = 3,
    prune: opt.Prune = False,
    yes: opt.Yes = False,
    example: opt.Example = False,
    force: opt.Force = False,
    as_json: opt.AsJson = False,
) -> None:
    """Download every recording of a list, best audio, kept as it came. What is there is skipped."""
    from stylebox.core import paths
    from stylebox.core.sources.catalogue import EXAMPLE, read_catalogue, write_example

    if example and str(catalogue) == "-":
        console.result(EXAMPLE.rstrip())
        return
    if example:
        written = catalogue or Path("urls.csv")
        write_example(written, force)
        console.result(written)
        return
    if catalogue is None:
        raise typer.BadParameter("name a CSV with the columns instrument,title,url; --example writes one")
    rows, folder = read_catalogue(catalogue), to or paths.sources_dir()
    from stylebox.core.sources.download import DownloadOptions
    from stylebox.core.sources.fetch import fetch as download

    share = rate_limit / jobs if rate_limit else None
    options = DownloadOptions(playlists, share, cookies, proxy, retries)
    with console.downloads() as (progress, transfers):
        report = download(
            rows,
            folder,
            jobs=jobs,
            codec=codec.value if codec else None,
            options=options,
            progress=progress,
            transfers=transfers,
            remark=console.detail,
        )
    if not as_json:
        console.fetched(report)
        console.result(report.folder)
    removed, refused = [], []
    if prune:
        try:
            removed = _prune(rows, report, codec.value if codec else None, yes)
        except SourceError as error:  # what was fetched is told all the same
            refused = [str(error)]
    if as_json:
        console.document(asdict(report) | {"removed": removed})
    fail_with([*report.failures, *refused])


def _prune(rows: "Catalogue", report: "FetchReport", codec: str | None, yes: bool) -> list[Path]:
    """Delete what no row names, if the user agrees; gives what was deleted.

    Raises:
        SourceError: the user cannot be asked, or what the rows name is not known.
    """
    from stylebox.core.sources.fetch import prune

    if not report.unnamed:
        return []
    if not yes:
        for path in report.unnamed:
            console.note(f"no row names {path}")
        if not sys.stdin.isatty():
            raise SourceError(
                f"{report.folder}: --prune would delete {len(report.unnamed)} files; say --yes to allow it"
            )
        if not typer.confirm(f"Delete these {len(report.unnamed)} files?", err=True):
            return []
    removed = prune(rows, report.folder, codec)
    console.note(f"{len(removed)} deleted")
    return removed


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
    """Make material to train on: scores played with SoundFonts, a folder an instrument, notes beside."""
    from stylebox.core import paths
    from stylebox.core.music.instruments import instruments_named
    from stylebox.core.sources.render import render as play
    from stylebox.core.sources.soundfont import find_soundfonts

    folder = to or paths.sources_dir()
    with console.progress() as progress:
        report = play(
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
    for remark in report.samples:
        console.warning(remark.line)
    if report.seconds:
        console.note(f"{report.written} pieces written, {report.skipped} were there already")
    if as_json:
        console.document(asdict(report) | {"folder": folder})
    elif report.seconds:
        rows = [(name, round(seconds / 60, 1)) for name, seconds in report.seconds.items()]
        console.table(("instrument", "minutes"), rows)
        console.result(folder)
    fail_with(report.failures)


def build(
    sources: opt.Sources = None,
    dataset: opt.Dataset = None,
    preset: opt.Preset = "base",
    max_minutes: opt.MaxMinutes = 30.0,
    equalise: opt.Equalise = False,
    images: opt.Images = False,
    pairs: opt.Pairs = None,
    jobs: opt.Jobs = None,
    as_json: opt.AsJson = False,
) -> None:
    """Turn recordings into a dataset to train on; only what changed is worked on again."""
    from stylebox.core import paths
    from stylebox.core.config import load_preset
    from stylebox.core.data.build import build as make_dataset

    with console.progress() as progress:
        report = make_dataset(
            sources or paths.sources_dir(),
            dataset or paths.dataset_dir(),
            mel=load_preset(preset).mel,
            jobs=jobs,
            max_minutes=max_minutes,
            equalise=equalise,
            progress=progress,
        )
        exports = _export(report.dataset, images, pairs, progress)
    for line in (*report.warnings, *report.remarks):
        console.warning(line)
    for skipped in report.skipped:
        if skipped not in report.broken:
            console.note(f"left out, {skipped.kind}: {skipped.reason}")
    if as_json:
        console.document(asdict(report) | {"exports": exports})
    else:
        rows = [
            (name, report.recordings[name], *(round(report.seconds[name][split] / 60, 1) for split in SPLITS))
            for name in report.seconds
        ]
        console.table(("instrument", "recordings", *(f"{split} min" for split in SPLITS)), rows)
        for path in (report.dataset, *exports):
            console.result(path)
    fail_with([skipped.reason for skipped in report.broken])


def _export(folder: Path, images: bool, pairs: int | None, progress: "ProgressCallback") -> list[Path]:
    """The report's own forms of a dataset; gives what was written."""
    if not images and pairs is None:
        return []
    from stylebox.core.data.dataset import Dataset
    from stylebox.core.data.images import export_images
    from stylebox.core.data.pairs import make_pairs, write_pairs

    dataset, written = Dataset.open(folder), []
    if images:
        for split in SPLITS:
            export_images(dataset, folder / "images", split, progress)
        written.append(folder / "images")
    if pairs is not None:
        write_pairs(folder / "pairs.csv", make_pairs(dataset, pairs))
        written.append(folder / "pairs.csv")
    return written
