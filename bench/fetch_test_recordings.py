"""Real recordings of one instrument each, from Debian's packages, that took no part in choosing a model.

    apt-get download gcompris-qt-data csoundqt-examples
    python -m bench.fetch_test_recordings gcompris-qt-data_*.deb csoundqt-examples_*.deb --to FOLDER

Eleven phrases in the source layout, for `bench/run.py FOLDER ...`: nine by the musicians of GCompris (S. Dechy,
J. Blanchard, J. Jules, C. Tuvuku; GPL-3+), two guitars from the examples of CsoundQt (LGPL-2.1+). They are not
shipped.
"""

import argparse
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

GCOMPRIS, CSOUND = "usr/share/gcompris-qt/rcc/instruments.rcc", "usr/share/csoundqt/Examples/SourceMaterials"
FOLDERS = {  # a file in either package: its instrument here
    "clarinet.ogg": "clarinet",
    "flute_traversiere.ogg": "flute",
    "guitar.ogg": "acoustic_guitar",
    "harp.ogg": "harp",
    "piano.ogg": "piano",
    "saxophone.ogg": "saxophone",
    "trumpet.ogg": "trumpet",
    "violin.ogg": "violin",
    "cello.ogg": "cello",
    "ClassGuit.wav": "acoustic_guitar",
    "ClassicalGuitar.wav": "acoustic_guitar",
}
_DIRECTORY, _PACKED = 2, 1 | 4  # flags of an entry: a folder; zlib or zstd


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


def main() -> None:
    """Unpack, pick, and put each under its instrument."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="+", type=Path, help="the .deb files")
    parser.add_argument("--to", required=True, type=Path, help="folder to write to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as unpacked:
        for package in arguments.packages:
            subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True)
        collection, examples = Path(unpacked) / GCOMPRIS, Path(unpacked) / CSOUND
        if collection.is_file():
            for name, content in resources(collection.read_bytes()):
                if name in FOLDERS:
                    _place(arguments.to, name).write_bytes(content)
        for path in examples.glob("*.wav"):
            if path.name in FOLDERS:
                shutil.copyfile(path, _place(arguments.to, path.name))
    print(f"{len(list(arguments.to.glob('*/*')))} recordings of {len(FOLDERS)} in {arguments.to}")


def _place(folder: Path, name: str) -> Path:
    path = folder / FOLDERS[name] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    main()
