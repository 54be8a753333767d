"""From a recording that has come to the file a row asks for: cut, converted, named, with its sidecar and entry.

Knows nothing of downloading. Nothing appears under a final name before it is whole.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from stylebox.core.audio.io.read import probe
from stylebox.core.errors import SourceError
from stylebox.core.paths import file_sha256
from stylebox.core.sources.fetch.containers import sound_suffix
from stylebox.core.sources.fetch.download import yt_dlp_version
from stylebox.core.sources.fetch.excerpt import write_excerpt
from stylebox.core.sources.fetch.index import Entry, Fetched, FetchedFile
from stylebox.core.sources.fetch.plan import Names, Task, fetched_file
from stylebox.core.sources.fetch.remote import RemoteRecording, address_key
from stylebox.core.sources.sidecar import Sidecar, read_sidecar, write_sidecar

_CUT_SUFFIX = ".flac"  # what is cut is decoded; storing it again must lose nothing


class Filing:
    """Puts recordings where rows want them, below one folder; all threads may use it."""

    def __init__(self, fetched: Fetched, names: Names, partial: Path) -> None:
        """`partial` is where files are made ready."""
        self._fetched, self._names, self._partial = fetched, names, partial

    def adopt(self, task: Task) -> Entry | None:
        """Take a whole file into the index that a killed run, or a lost index, left under the row's name."""
        if task.found is not None or task.stem is None:
            return None
        path = self._names.left_behind(task.row, task.stem)
        if path is None or (task.wish.codec and path.suffix != f".{task.wish.codec}"):
            return None
        file = fetched_file(self._fetched.folder, path, address_key(task.row.url))
        return self._fetched.put(task.wish.model_copy(update={"complete": True, "files": (file,)}), None)

    def relabel(self, task: Task) -> Entry:
        """Bring licence, title and instrument of what is there to what the row says now."""
        assert task.found is not None
        row, folder = task.row, self._fetched.folder
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
        entry = task.wish.model_copy(update={"complete": True, "files": files})
        return self._fetched.put(entry, task.found, place_all)

    def begin(self, task: Task) -> Entry:
        """The row's entry with those of its files that are there already; not yet in the index."""
        files: list[FetchedFile] = []
        if task.found is not None and task.found.wish == task.wish.wish:
            files = [file for file in task.found.files if self._fetched.is_there(file)]
        return task.wish.model_copy(update={"files": tuple(files)})

    def file(
        self,
        task: Task,
        entry: Entry,
        find: RemoteRecording,
        path: Path,
        *,
        count: int = 1,
        last: bool = True,
        may_move: bool = False,
    ) -> Entry:
        """Make what the row wants of the recording in `path`, and give it its place and its entry.

        Args:
            entry: The row's entry so far, from `begin` or from here.
            count: How many recordings the row has.
            last: Whether nothing is lacking after this one.
            may_move: Whether `path` may be used up.

        Raises:
            SourceError: it is no sound, or shorter than the row thinks.
            AudioError: it cannot be decoded or stored.
        """
        row, suffix = task.row, sound_suffix(path, find.extension)
        seconds = probe(path).seconds
        if seconds <= 0:
            raise SourceError("what came holds no sound (0 seconds); check the link")
        if row.start is not None and row.start >= seconds:
            raise SourceError(f"column start: {row.start:g} s is beyond its end, it lasts {seconds:.1f} s")
        cut = row.start is not None or row.end is not None
        wanted = f".{task.wish.codec}" if task.wish.codec else _CUT_SUFFIX if cut else suffix
        ready = self._partial / f"{find.key}.{row.number}.ready{wanted}"
        if cut or wanted != suffix:
            seconds = write_excerpt(path, ready, row.start, row.end)
        elif may_move:
            path.replace(ready)
        else:
            shutil.copyfile(path, ready)
        sidecar = _sidecar(task, find, seconds, file_sha256(ready), count)
        target = self._fetched.folder / self._names.instrument_folder(row.instrument)
        target /= self._stem(task, find, count) + wanted

        def place() -> None:
            write_sidecar(target, sidecar)
            ready.replace(target)

        new = FetchedFile(
            path=target.relative_to(self._fetched.folder).as_posix(),
            item=find.key,
            size=ready.stat().st_size,
            sha256=str(sidecar.sha256),
        )
        files = (*(file for file in entry.files if file.item != find.key), new)
        whole = entry.model_copy(update={"files": files, "complete": last})
        return self._fetched.put(whole, self._fetched.known(entry, task.found), place)

    def _stem(self, task: Task, find: RemoteRecording, count: int) -> str:
        """The file's name: the one it had, the row's title, or the recording's own."""
        row = task.row
        if task.found is not None and task.found.wish == task.wish.wish:
            for file in task.found.files:
                if file.item == find.key:
                    return Path(file.path).stem
        if count == 1 and task.stem is not None:
            return task.stem
        own = find.title or find.video_id or ""
        title = f"{row.title} - {own}" if row.title and count > 1 else own
        return self._names.claim(row.instrument, title, row, find.url if count > 1 else row.url)


def _sidecar(task: Task, find: RemoteRecording, seconds: float, sha256: str, count: int) -> Sidecar:
    row = task.row
    return Sidecar(
        title=row.title if row.title and count == 1 else find.title,
        url=row.url if count == 1 else find.url,
        video_id=find.video_id,
        license=row.license or find.license,
        uploader=find.uploader,
        duration_seconds=round(seconds, 3),
        date=find.date,
        start=row.start,
        end=row.end,
        fetched=datetime.now(UTC).isoformat(timespec="seconds"),
        yt_dlp=yt_dlp_version(),
        sha256=sha256,
    )
