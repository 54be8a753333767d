"""The recordings of a set: fetched from Debian's packages, checked, and listed with licence and player.

    python -m bench.recordings test --to FOLDER     24 recordings, kept for the last measurement: no choice used them
    python -m bench.recordings dev --to FOLDER      11 recordings, for choices

`bench/sets/<set>.tsv` lists each file with its package, its path there, its SHA-256, its licence and its player. A path
``a.rcc#b.ogg`` is a file in a Qt resource collection. FOLDER gets ``<instrument>/<name>.<suffix>`` and the list as
INDEX.tsv. Nothing of it is shipped. Packages come by `apt-get download`; no root is needed.
"""

import argparse
import csv
import hashlib
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SETS = Path(__file__).parent / "sets"
NAMES = ("test", "dev")
_DIRECTORY, _PACKED = 2, 1 | 4  # flags of an entry: a folder; zlib or zstd


class Recording(NamedTuple):
    """One line of a set's list.

    Attributes:
        file: ``<instrument>/<name>.<suffix>``.
        package: Of Debian.
        path: In the package; after a ``#`` the name in a Qt resource collection.
        sha256: Of the file's bytes.
        licence: Of the recording.
        player: Who plays, and who published it.
    """

    file: str
    package: str
    path: str
    sha256: str
    licence: str
    player: str

    @property
    def instrument(self) -> str:
        """The folder's name, which is a style's name."""
        return self.file.partition("/")[0]


def listed(name: str) -> list[Recording]:
    """The recordings of a set, in the order of its list."""
    with (SETS / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return [Recording(**row) for row in csv.DictReader(file, delimiter="\t")]


def fetch(name: str, folder: Path) -> list[Recording]:
    """Put a set into a folder; what is there and right is not fetched again.

    Args:
        name: Of the set.
        folder: Receives the recordings and INDEX.tsv.

    Raises:
        ValueError: a package holds another recording than the list says.
    """
    recordings = listed(name)
    missing = [one for one in recordings if not _is_there(folder / one.file, one.sha256)]
    with tempfile.TemporaryDirectory() as temporary:
        for package in sorted({one.package for one in missing}):
            unpacked = _unpack(package, Path(temporary))
            for one in missing:
                if one.package == package:
                    _place(_content(unpacked, one.path), one, folder)
    shutil.copyfile(SETS / f"{name}.tsv", folder / "INDEX.tsv")
    return recordings


def resources(rcc: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file in a Qt resource collection, the packed ones left out.

    Raises:
        ValueError: it is none.
    """
    if rcc[:4] != b"qres":
        raise ValueError("not a Qt resource collection")
    version, tree, data, names = struct.unpack_from(">4I", rcc, 4)
    size = 14 if version < 2 else 22  # later ones add a date

    def walk(index: int) -> Iterator[tuple[str, bytes]]:
        name_at, flags, first, second = struct.unpack_from(">IHII", rcc, tree + index * size)
        if flags & _DIRECTORY:
            for child in range(second, second + first):
                yield from walk(child)
        elif not flags & _PACKED:
            (length,) = struct.unpack_from(">H", rcc, names + name_at)
            start = names + name_at + 6  # after the length and a hash
            (count,) = struct.unpack_from(">I", rcc, data + second)
            begin = data + second + 4
            yield rcc[start : start + 2 * length].decode("utf-16-be"), rcc[begin : begin + count]

    yield from walk(0)


def _is_there(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _unpack(package: str, folder: Path) -> Path:
    """Download a package and unpack it beside its file."""
    command = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", package]  # its own user can't write here
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (file,) = folder.glob(f"{package}_*.deb")
    unpacked = folder / package
    subprocess.run(["dpkg-deb", "-x", str(file), str(unpacked)], check=True)
    return unpacked


def _content(unpacked: Path, path: str) -> bytes:
    """The bytes of a file, or of one in a resource collection."""
    file, _, inner = path.partition("#")
    content = (unpacked / file).read_bytes()
    return dict(resources(content))[inner] if inner else content


def _place(content: bytes, recording: Recording, folder: Path) -> None:
    """Write a recording under its instrument, if it is the one that the list means."""
    if hashlib.sha256(content).hexdigest() != recording.sha256:
        raise ValueError(f"{recording.package}: {recording.path} is another recording than {recording.file} of the set")
    path = folder / recording.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def main() -> None:
    """Fetch the set that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=NAMES)
    parser.add_argument("--to", required=True, type=Path, help="folder to write to")
    arguments = parser.parse_args()
    arguments.to.mkdir(parents=True, exist_ok=True)
    recordings = fetch(arguments.set, arguments.to)
    print(
        f"{len(recordings)} recordings of {len({one.instrument for one in recordings})} instruments in {arguments.to}"
    )


if __name__ == "__main__":
    main()
