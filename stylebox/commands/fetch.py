"""`fetch`: download the recordings of a list."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stylebox.console import options as opt
from stylebox.console.console import console
from stylebox.console.exit import fail_with
from stylebox.core.errors import SourceError

if TYPE_CHECKING:
    from stylebox.core.sources.fetch.catalogue import Catalogue
    from stylebox.core.sources.fetch.report import FetchReport


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
    from stylebox.core.sources.fetch.catalogue import EXAMPLE, read_catalogue, write_example

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
    from stylebox.core.sources.fetch.download import DownloadOptions
    from stylebox.core.sources.fetch.fetch import fetch as download

    share = rate_limit / jobs if rate_limit else None
    options = DownloadOptions(playlists, share, cookies, proxy, retries)
    with console.downloads() as (progress, downloads):
        report = download(
            rows,
            folder,
            jobs=jobs,
            codec=codec.value if codec else None,
            options=options,
            progress=progress,
            downloads=downloads,
            warn=console.detail,
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
    from stylebox.core.sources.fetch.fetch import prune

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
