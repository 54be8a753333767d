"""`stylebox fetch`: turns each row of a list into a file in the folder of its instrument, with a sidecar.

Existing files are skipped, broken downloads resume, and a failed row does not stop the others. Knows neither how
downloading works nor how progress is shown.
"""

from collections.abc import Callable
from pathlib import Path

from stylebox.core.errors import SourceError
from stylebox.core.progress import ProgressCallback, silent
from stylebox.core.sources.fetch.address import web_address
from stylebox.core.sources.fetch.catalogue import Catalogue
from stylebox.core.sources.fetch.download import DownloadOptions
from stylebox.core.sources.fetch.index import FetchIndex, locked
from stylebox.core.sources.fetch.job import Job, delete_unfinished
from stylebox.core.sources.fetch.plan import plan
from stylebox.core.sources.fetch.remote import address_key
from stylebox.core.sources.fetch.report import DownloadCallback, FetchReport, RowOutcome

CODECS = ("mp3", "flac", "wav")


def fetch(
    catalogue: Catalogue,
    to: Path,
    *,
    jobs: int = 4,
    codec: str | None = None,
    options: DownloadOptions | None = None,
    progress: ProgressCallback = silent,
    downloads: DownloadCallback = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> FetchReport:
    """Fetch the recordings of `catalogue` into ``to/<instrument>/<title>.<suffix>``.

    Rows with the same address share one download. An interruption (KeyboardInterrupt) keeps complete files and, in a
    folder of their own, partial ones; the next run resumes.

    Args:
        catalogue: The list.
        to: Folder that receives one folder per instrument.
        jobs: Simultaneous downloads.
        codec: mp3, flac or wav converts; None keeps the format of the source, and writes excerpts as FLAC.
        options: Settings of the downloads.
        progress: Called after each row.
        downloads: Called with the progress of each download, from any thread.
        warn: Called with each warning of yt-dlp, from any thread.

    Returns:
        The outcome of each row.

    Raises:
        SourceError: The codec is unknown, the cookies cannot be read, or another run is writing to `to`.
    """
    if codec is not None and codec not in CODECS:
        raise SourceError(f"{codec}: unknown codec; use one of {', '.join(CODECS)}")
    options, to = options or DownloadOptions(), to.absolute()
    with locked(to) as partial:
        index = FetchIndex(to)
        delete_unfinished(partial)
        tasks, unnamed, names = plan(catalogue.rows, index, codec)
        outcomes = Job(catalogue, index, names, partial, options, downloads, warn).run(tasks, jobs, progress)
        index.arrange([task.request for task in tasks])
    outcomes += [RowOutcome(fault.number, "", "", "", "failed", fault.reason) for fault in catalogue.faults]
    outcomes.sort(key=lambda outcome: outcome.row)
    left = tuple(to / file.path for entry in unnamed for file in entry.files)
    return FetchReport(catalogue.name, to, tuple(outcomes), left)


def prune(catalogue: Catalogue, to: Path, codec: str | None = None) -> list[Path]:
    """Delete the fetched files in `to` that no row of `catalogue` names any more.

    Files that were not fetched stay.

    Args:
        catalogue: The list.
        to: Folder with one folder per instrument.
        codec: As given to `fetch`.

    Returns:
        The deleted files.

    Raises:
        SourceError: Some rows are invalid, so that the files they name are not known.
    """
    if catalogue.faults:
        fault = catalogue.faults[0]
        raise SourceError(f"{catalogue.name}, row {fault.number}, {fault.reason}; correct it before --prune")
    to = to.absolute()
    with locked(to) as partial:
        index = FetchIndex(to)
        named = {address_key(address) for row in catalogue.rows for address in (row.url, web_address(row.url))}
        for path in partial.iterdir():
            if path.is_file() and path.name.split(".")[0] not in named:
                path.unlink()
        return index.remove(plan(catalogue.rows, index, codec)[1])
