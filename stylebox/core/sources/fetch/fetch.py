"""`stylebox fetch`: every row of a list becomes a file in its instrument's folder, with what is known of it.

What is there is skipped, what broke off goes on, what fails is said and the rest goes on. Knows nothing of
how downloading works or how progress looks.
"""

from collections.abc import Callable
from pathlib import Path

from stylebox.core.errors import SourceError
from stylebox.core.progress import ProgressCallback, silent
from stylebox.core.sources.fetch.address import web_address
from stylebox.core.sources.fetch.catalogue import Catalogue
from stylebox.core.sources.fetch.download import DownloadOptions
from stylebox.core.sources.fetch.index import Fetched, locked
from stylebox.core.sources.fetch.job import Job, tidy
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
    transfers: DownloadCallback = lambda _: None,
    remark: Callable[[str], None] = lambda _: None,
) -> FetchReport:
    """Fetch what `catalogue` names into ``to/<instrument>/<title>.<suffix>``.

    Rows with one address share its download. An interruption (KeyboardInterrupt) leaves whole files and
    partial ones apart; the next run goes on.

    Args:
        jobs: Downloads at once.
        codec: mp3, flac or wav converts; None keeps files as they came, and as FLAC what is cut.
        transfers: Hears of running downloads, from any thread.
        remark: Hears yt-dlp's warnings, from any thread.

    Raises:
        SourceError: unknown codec, unreadable cookies, or another run is writing to `to`.
    """
    if codec is not None and codec not in CODECS:
        raise SourceError(f"{codec}: unknown codec; use one of {', '.join(CODECS)}")
    options, to = options or DownloadOptions(), to.absolute()
    with locked(to) as partial:
        fetched = Fetched(to)
        tidy(partial)
        tasks, unnamed, names = plan(catalogue.rows, fetched, codec)
        job = Job(catalogue, fetched, names, partial, options, transfers, remark)
        outcomes = job.run(tasks, jobs, progress)
        fetched.arrange([task.wish for task in tasks])
    outcomes += [RowOutcome(fault.number, "", "", "", "failed", fault.reason) for fault in catalogue.faults]
    outcomes.sort(key=lambda outcome: outcome.row)
    left = tuple(to / file.path for entry in unnamed for file in entry.files)
    return FetchReport(catalogue.name, to, tuple(outcomes), left)


def prune(catalogue: Catalogue, to: Path, codec: str | None = None) -> list[Path]:
    """Delete what was fetched into `to` and no row of `catalogue` names any more; gives what was deleted.

    Files that others put there stay.

    Raises:
        SourceError: some rows cannot be understood, so that what they name is not known.
    """
    if catalogue.faults:
        fault = catalogue.faults[0]
        raise SourceError(f"{catalogue.name}, row {fault.number}, {fault.reason}; mend it before --prune")
    to = to.absolute()
    with locked(to) as partial:
        fetched = Fetched(to)
        named = {address_key(address) for row in catalogue.rows for address in (row.url, web_address(row.url))}
        for path in partial.iterdir():
            if path.is_file() and path.name != "lock" and path.name.split(".")[0] not in named:
                path.unlink()
        return fetched.remove(plan(catalogue.rows, fetched, codec)[1])
