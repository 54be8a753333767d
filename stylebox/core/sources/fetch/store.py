"""Turns a downloaded file into the file a row asks for: cuts, converts and names it, writes sidecar and index entry.

Knows nothing of downloading. A file gets its final name only when it is complete.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from stylebox.core.audio.io.read import AudioInfo, probe
from stylebox.core.errors import SourceError
from stylebox.core.files import copy_file, file_sha256, move_whole
from stylebox.core.sources.fetch.containers import sound_suffix
from stylebox.core.sources.fetch.download import yt_dlp_version
from stylebox.core.sources.fetch.excerpt import write_excerpt
from stylebox.core.sources.fetch.index import Entry, FetchedFile, FetchIndex
from stylebox.core.sources.fetch.plan import Names, Task, describe_file
from stylebox.core.sources.fetch.remote import RemoteRecording, address_key
from stylebox.core.sources.sidecar import Sidecar, read_sidecar, write_sidecar

_CUT_SUFFIX = ".flac"  # an excerpt is decoded; storing it again must lose nothing
_ROUNDING_SECONDS = 1.0  # by which the end of a recording is rounded in a list


class RecordingStore:
    """Stores recordings below one folder as rows ask for them; safe for threads."""

    def __init__(self, index: FetchIndex, names: Names, partial: Path) -> None:
        """Open the store of a folder.

        Args:
            index: The index of the folder.
            names: The free file names in it.
            partial: Folder for unfinished files.
        """
        self._index, self._names, self._partial = index, names, partial

    def adopt(self, task: Task) -> Entry | None:
        """Index a complete file of this row that is missing from the index, after a killed run or a lost index.

        Returns:
            The new entry; None if there is no such file.
        """
        if task.found is not None or task.stem is None:
            return None
        path = self._names.left_behind(task.row, task.stem)
        if path is None or (task.request.codec and path.suffix != f".{task.request.codec}"):
            return None
        file = describe_file(self._index.folder, path, address_key(task.row.url))
        return self._index.put(task.request.model_copy(update={"complete": True, "files": (file,)}), None)

    def relabel(self, task: Task) -> Entry:
        """Update licence, title and instrument of existing files to those of the row.

        Raises:
            SourceError: A sidecar cannot be read.
            OSError: A file cannot be moved.
        """
        assert task.found is not None
        row, folder = task.row, self._index.folder
        moves: list[tuple[Path, Path]] = []
        for file in task.found.files:
            source = folder / file.path
            place = folder / self._names.instrument_folder(row.instrument)
            stem = source.stem
            if task.need == "move" and len(task.found.files) == 1 and task.stem is not None:
                stem = task.stem
            elif source.parent != place:
                stem = self._names.claim(row.instrument, source.stem, row, row.url)
            moves.append((source, place / f"{stem}{source.suffix}"))

        def place_all() -> None:
            for source, target in moves:
                sidecar = read_sidecar(source) or Sidecar()
                title = row.title if row.title and len(moves) == 1 else sidecar.title
                license = row.license or sidecar.license
                write_sidecar(target, sidecar.model_copy(update={"title": title, "license": license}))
                if source != target:
                    source.replace(target)

        files = tuple(
            file.model_copy(update={"path": target.relative_to(folder).as_posix()})
            for file, (_, target) in zip(task.found.files, moves, strict=True)
        )
        entry = task.request.model_copy(update={"complete": True, "files": files})
        return self._index.put(entry, task.found, place_all)

    def begin(self, task: Task) -> Entry:
        """Give the row's entry with those of its files that exist; not yet in the index."""
        files: list[FetchedFile] = []
        if task.found is not None and task.found.request_key == task.request.request_key:
            files = [file for file in task.found.files if self._index.is_there(file)]
        return task.request.model_copy(update={"files": tuple(files)})

    def add(
        self,
        task: Task,
        entry: Entry,
        recording: RemoteRecording,
        path: Path,
        *,
        count: int = 1,
        last: bool = True,
        may_move: bool = False,
        remark: Callable[[str], None] = lambda _: None,
    ) -> Entry:
        """Convert a downloaded file to what the row asks for and store it.

        Args:
            task: The row.
            entry: The row's entry so far, from `begin` or from here.
            recording: Metadata of the recording.
            path: The downloaded file.
            count: Number of recordings of the row.
            last: Whether the row is complete with this one.
            may_move: Whether `path` may be moved instead of copied.
            remark: Receives what the file lacks, a clause each.

        Returns:
            The row's entry with the new file.

        Raises:
            SourceError: The file is not a sound file, or ends before the excerpt begins.
            AudioError: It cannot be decoded or stored.
        """
        row = task.row
        info = probe(path)
        ready, seconds, remarks = self._prepare(task, recording, path, info, may_move)
        sidecar = _sidecar(task, recording, seconds, file_sha256(ready), count)
        target = self._index.folder / self._names.instrument_folder(row.instrument)
        target /= self._stem(task, recording, count) + ready.suffix

        def place() -> None:
            write_sidecar(target, sidecar)
            move_whole(ready, target)

        new = FetchedFile(
            path=target.relative_to(self._index.folder).as_posix(),
            item=recording.key,
            size=ready.stat().st_size,
            sha256=str(sidecar.sha256),
        )
        for clause in remarks:
            remark(clause)
        files = (*(file for file in entry.files if file.item != recording.key), new)
        extended = entry.model_copy(update={"files": files, "complete": last})
        return self._index.put(extended, self._index.known(entry, task.found), place)

    def _prepare(
        self, task: Task, recording: RemoteRecording, path: Path, info: AudioInfo, may_move: bool
    ) -> tuple[Path, float, list[str]]:
        """Cut, convert, move or copy `path` to an unfinished file; gives it, its length in seconds, and remarks."""
        seconds, remarks = info.seconds, list(info.remarks)
        row, suffix = task.row, sound_suffix(path, recording.extension)
        if seconds <= 0:
            raise SourceError("the download holds no audio (0 seconds); check the link")
        if row.start is not None and row.start >= seconds:
            raise SourceError(_beyond("start", row.start, seconds))
        if row.end is not None and row.end > seconds + _ROUNDING_SECONDS:
            remarks.append(_beyond("end", row.end, seconds))
        cut = row.start is not None or row.end is not None
        wanted = f".{task.request.codec}" if task.request.codec else _CUT_SUFFIX if cut else suffix
        ready = self._partial / f"{recording.key}.{row.number}.ready{wanted}"
        if cut or wanted != suffix:
            seconds, found = write_excerpt(path, ready, row.start, row.end)
            remarks += [remark for remark in found if remark not in remarks]
        elif may_move:
            path.replace(ready)
        else:
            copy_file(path, ready)
        return ready, seconds, remarks

    def _stem(self, task: Task, recording: RemoteRecording, count: int) -> str:
        """The name of the file: its earlier one, the row's title, or the title that the source gives."""
        row = task.row
        if task.found is not None and task.found.request_key == task.request.request_key:
            for file in task.found.files:
                if file.item == recording.key:
                    return Path(file.path).stem
        if count == 1 and task.stem is not None:
            return task.stem
        own = recording.title or recording.video_id or ""
        title = f"{row.title} - {own}" if row.title and count > 1 else own
        return self._names.claim(row.instrument, title, row, recording.url if count > 1 else row.url)


def _beyond(column: str, value: float, seconds: float) -> str:
    """What is wrong with a time behind the end of a recording; spreadsheets take 1:30 for an hour and a half."""
    minutes, rest = divmod(round(value) // 60, 60)
    fix = f"; if a spreadsheet made it of {minutes}:{rest:02d}, write {value / 60:g}"
    text = f"column {column}: {value:g} s is beyond its end, it lasts {seconds:.1f} s"
    return text + (fix if value % 60 == 0 and value / 60 <= seconds else "")


def _sidecar(task: Task, recording: RemoteRecording, seconds: float, sha256: str, count: int) -> Sidecar:
    row = task.row
    return Sidecar(
        title=row.title if row.title and count == 1 else recording.title,
        url=row.url if count == 1 else recording.url,
        video_id=recording.video_id,
        license=row.license or recording.license,
        uploader=recording.uploader,
        duration_seconds=round(seconds, 3),
        date=recording.date,
        start=row.start,
        end=row.end,
        fetched=datetime.now(UTC).isoformat(timespec="seconds"),
        yt_dlp=yt_dlp_version(),
        sha256=sha256,
    )
