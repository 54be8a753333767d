"""`stylebox fetch`: download the recordings of a list."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stylebox.console import options as opt
from stylebox.console.console import console, is_terminal
from stylebox.console.exit import fail_with
from stylebox.console.views import show_fetch
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
    force: opt.ForceExample = False,
    as_json: opt.AsJson = False,
) -> None:
    """Download the recordings of a list in the best quality. Recordings that exist are skipped."""
    if example:
        _write_example(catalogue, force)
        return
    if catalogue is None:
        raise typer.BadParameter("name a CSV with the columns instrument,title,url; --example writes one")
    from stylebox.core import paths
    from stylebox.core.sources.fetch.catalogue import OPTIONAL, REQUIRED, read_catalogue
    from stylebox.core.sources.fetch.download import DownloadOptions
    from stylebox.core.sources.fetch.fetch import fetch as download

    rows, format_name = read_catalogue(catalogue), codec.value if codec else None
    if rows.unused:
        known = ", ".join((*REQUIRED, *OPTIONAL))
        console.warning(f"{rows.name}: columns that are not used: {', '.join(rows.unused)}; known are {known}")
    options = DownloadOptions(playlists, rate_limit / jobs if rate_limit else None, cookies, proxy, retries)
    with console.downloads() as (progress, downloads):
        report = download(
            rows,
            to or paths.sources_dir(),
            jobs=jobs,
            codec=format_name,
            options=options,
            progress=progress,
            downloads=downloads,
            warn=console.detail,
        )
    if not as_json:
        show_fetch(report)
    removed, failures = _prune(rows, report, format_name, yes) if prune else ([], [])
    if as_json:
        console.document(asdict(report) | {"removed": removed})
    fail_with([*report.failures, *failures])


def _write_example(path: Path | None, force: bool) -> None:
    """Write the example list to a file, or to stdout for ``-``."""
    from stylebox.core.sources.fetch.catalogue import EXAMPLE, write_example

    if str(path) == "-":
        console.result(EXAMPLE.rstrip())
        return
    target = path or Path("urls.csv")
    write_example(target, force)
    console.result(target)


def _prune(rows: "Catalogue", report: "FetchReport", codec: str | None, yes: bool) -> tuple[list[Path], list[str]]:
    """Delete the files that no row names, if the user agrees; gives the deleted files and what failed."""
    from stylebox.core.sources.fetch.fetch import prune

    if not report.unnamed:
        return [], []
    if not yes:
        for path in report.unnamed:
            console.note(f"no row names {path}")
        several = len(report.unnamed) > 1
        if not is_terminal(sys.stdin):
            what = f"{len(report.unnamed)} files" if several else "1 file"
            return [], [f"{report.folder}: --prune would delete {what}; add --yes to allow it"]
        question = f"Delete these {len(report.unnamed)} files?" if several else "Delete this file?"
        if not typer.confirm(question, err=True):
            return [], []
    try:
        removed = prune(rows, report.folder, codec)
    except SourceError as error:
        return [], [str(error)]
    console.note(f"{len(removed)} deleted")
    return removed, []
