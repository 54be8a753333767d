"""Which files are sound files, and where they are. The one answer that every command uses; decodes nothing.

A suffix decides where it is known; a file with another suffix, or none, is a sound file if it begins like one.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stylebox.core.errors import broken_link, error_reason

_AUDIO = """
    .wav .wave .bwf .rf64 .w64 .flac .ogg .oga .opus .spx .mp1 .mp2 .mp3 .mpga .m4a .m4b .m4r .aac .adts .alac .ac3
    .eac3 .dts .aif .aiff .aifc .au .snd .caf .voc .sd2 .wv .tta .ape .tak .mpc .wma .amr .awb .dsf .dff .shn .ra
    .gsm .mka .mkv .webm .mp4 .m4v .mov .qt .avi .wmv .asf .flv .f4v .3gp .3g2 .ts .mts .m2ts .mpg .mpeg .vob .ogv
    .ogx .rm .nut .mxf
"""
AUDIO_SUFFIXES = frozenset(_AUDIO.split())
# Files that stand beside recordings: notes, texts, pictures, lists, and what programs keep for themselves.
_COMPANIONS = """
    .mid .midi .smf .kar .rmi .json .musicxml .mxl .xml .mscz .mscx .sib .gp .gp5 .gpx .abc .ly .krn .txt .md .rtf .doc
    .docx .odt .pdf .csv .tsv .xls .xlsx .ods .html .htm .toml .yaml .yml .ini .cfg .log .nfo .url .webloc .lnk .lrc
    .srt .vtt .ass .sub .description .jpg .jpeg .png .webp .gif .bmp .tif .tiff .svg .heic .psd .cue .m3u .m3u8 .pls
    .xspf .wpl .sfv .md5 .sha1 .sha256 .par2 .torrent .accurip .asd .als .reapeaks .reapindex .rpp .rpp-bak .aup
    .aup3 .flp .cpr .ptx .logicx .ovw .pk .pkf .sfk .sfap0 .gpk .mrk .wfm .peak .peaks .npy .npz .db .sqlite .bak
    .tmp .part .ytdl .crdownload .download .zip .gz .7z .rar .tar .sf2 .sf3 .sfz .py .sh .bat .exe .safetensors
"""
COMPANION_SUFFIXES = frozenset(_COMPANIONS.split())
_HIDDEN = (".", "~$")  # the second: what office programs keep beside an open file
_PLACEHOLDER = re.compile(r"\.(.+)\.icloud")  # macOS puts it in the place of a file that it keeps in iCloud
_BACKUP = "~"  # ends what editors keep of a file before its last change
# Of systems and of disks in a network, in any spelling: deleted files, thumbnails, states of earlier days.
_JUNK_FOLDERS = {
    *("__macosx", "system volume information", "$recycle.bin", "recycler", "recycled", "lost+found"),
    *("@eadir", "#recycle", "@recycle", "#snapshot", "@recently-snapshot", "@tmp"),
}
IN_ICLOUD = "is in iCloud and not on this computer; download it in the Finder"
_HEADS = (b"RIFF", b"RIFX", b"RF64", b"riff", b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"caff", b"\x1aE\xdf\xa3")
HEAD_BYTES = 12  # that show whether a file is meant as sound
_KINDS_NAMED = 5  # in a message; more are not listed
_BRAND_OFFSET, _BRAND = 4, b"ftyp"  # MP4 and its relatives


@dataclass(frozen=True)
class FoundFiles:
    """What a search of a folder found.

    Attributes:
        files: Sorted by their path.
        problems: Wanted, and not to be had: broken links, folders that cannot be opened, files that are in a cloud and
            not on this computer. By their path, a line that names it; sorted.
        others: Files of no known kind, and pipes, sockets and devices, sorted.
        companions: Files that are known to be something else, such as notes or texts, sorted.
    """

    files: list[Path]
    problems: dict[str, str]
    others: list[Path]
    companions: list[Path] = field(default_factory=list)

    @property
    def passed_over(self) -> str:
        """How many files are no sound files, and of which kinds; empty if there are none."""
        kinds = Counter(path.suffix.lower() or "without a suffix" for path in (*self.companions, *self.others))
        if not kinds:
            return ""
        named = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(_KINDS_NAMED))
        count, more = kinds.total(), ", ..." if len(kinds) > _KINDS_NAMED else ""
        return f"{count} {'file is no sound file' if count == 1 else 'files are no sound files'} ({named}{more})"


def find_audio(folder: Path) -> FoundFiles:
    """All sound files of a folder and of its folders, as `find_files` finds them."""
    return find_files(folder, is_audio_file)


def is_audio_file(path: Path) -> bool:
    """Whether a file is meant as sound. Hidden files and those that systems and programs leave are not."""
    if path.name.startswith(_HIDDEN) or _is_companion(path):
        return False
    return path.suffix.lower() in AUDIO_SUFFIXES or _is_audio_inside(path)


def is_in_icloud(path: Path) -> bool:
    """Whether macOS keeps a file in iCloud, and not on this computer."""
    try:
        return path.with_name(f".{path.name}.icloud").is_file()
    except OSError:  # too long for a name
        return False


def _is_companion(path: Path) -> bool:
    return path.suffix.lower() in COMPANION_SUFFIXES or path.name.endswith(_BACKUP)


def begins_like_audio(head: bytes) -> bool:
    """Whether a file with these first bytes, `HEAD_BYTES` or more, is meant as sound."""
    return head.startswith(_HEADS) or head[_BRAND_OFFSET:].startswith(_BRAND)


def find_files(folder: Path, is_wanted: Callable[[Path], bool]) -> FoundFiles:
    """All files of a kind in a folder and in its folders, except hidden ones.

    Symbolic links are followed. Within each folder at the top, every real folder is entered once, so that links in a
    circle end.

    Args:
        folder: Where to search.
        is_wanted: Decides by the name, or by what is in the file.
    """
    files: list[Path] = []
    others: list[Path] = []
    companions: list[Path] = []
    problems: dict[str, str] = {}
    for path in _walk(folder, problems):
        placeholder = _PLACEHOLDER.fullmatch(path.name)
        if placeholder:
            wanted = path.with_name(placeholder[1])
            if is_wanted(wanted):
                problems[str(wanted)] = f"{wanted}: {IN_ICLOUD}"
        elif path.is_symlink() and not path.exists():
            if is_wanted(path) or not path.suffix:  # without a suffix it was perhaps a folder
                problems[str(path)] = f"{path}: {broken_link(path)}"
        elif path.is_file() and is_wanted(path):
            files.append(path)
        elif not path.is_file() or not (_is_companion(path) or path.suffix.lower() in AUDIO_SUFFIXES):
            others.append(path)
        else:
            companions.append(path)
    return FoundFiles(sorted(files), dict(sorted(problems.items())), sorted(others), sorted(companions))


def _walk(folder: Path, problems: dict[str, str]) -> Iterator[Path]:
    """Everything below a folder that is not a folder; hidden names are passed over."""
    root = _identity(folder)
    for path in _entries(folder, problems):
        waiting, entered = [path], {root}
        while waiting:
            path = waiting.pop(0)
            try:
                identity = _identity(path) if path.is_dir() else None
            except OSError as error:
                problems[str(path)] = _unopened(path, error)
                continue
            if identity is None:
                yield path
            elif identity not in entered:
                entered.add(identity)
                waiting += _entries(path, problems)


def _entries(folder: Path, problems: dict[str, str]) -> list[Path]:
    """The names in a folder that are not hidden: those in place before links to elsewhere."""
    try:
        found = [
            path
            for path in folder.iterdir()
            if _PLACEHOLDER.fullmatch(path.name)
            or (not path.name.startswith(_HIDDEN) and path.name.lower() not in _JUNK_FOLDERS)
        ]
    except OSError as error:
        problems[str(folder)] = _unopened(folder, error)
        return []
    return sorted(found, key=lambda path: (path.is_symlink(), path.name))


def _unopened(path: Path, error: OSError) -> str:
    return f"{path}: cannot be opened ({error_reason(error)}); check its permissions"


def _identity(path: Path) -> tuple[int, int]:
    """Device and number of a folder, which stay the same whichever link leads to it."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _is_audio_inside(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError:
        return False
    return begins_like_audio(head)
