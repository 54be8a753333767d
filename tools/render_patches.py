"""Play what `stylebox render` wrote once more, with TiMidity++ and its patches (Debian: timidity, freepats).

    python -m tools.render_patches FOLDER TO

FOLDER/<instrument>/*.mid become TO/<instrument>/*.wav: a source of sounds that is no SoundFont and that no model heard.
"""

import argparse
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stylebox.core.config import ANALYSIS_RATE
from stylebox.core.music.instruments import INSTRUMENTS
from stylebox.core.music.midi.read import read_midi
from stylebox.core.music.midi.write import write_midi

CONFIGURATION = "/etc/timidity/freepats.cfg"


def play(source: Path, target: Path, program: int) -> None:
    """One piece, dry and mono."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        piece = Path(folder) / "piece.mid"
        write_midi(piece, read_midi(source).notes, program)
        dry = ["-EFreverb=0", "-EFchorus=0", "-EFdelay=0"]
        command = ["timidity", "-c", CONFIGURATION, "--output-mono", "-s", str(ANALYSIS_RATE), "-Ow", *dry]
        subprocess.run([*command, "-o", str(target), str(piece)], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Every piece by a program of its folder's instrument, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("to", type=Path)
    arguments = parser.parse_args()
    with ThreadPoolExecutor() as workers:
        done = []
        for number, source in enumerate(sorted(arguments.folder.rglob("*.mid"))):
            programs = INSTRUMENTS[source.parent.name].programs
            target = arguments.to / source.parent.name / f"{source.stem}.wav"
            done.append(workers.submit(play, source, target, programs[number % len(programs)]))
        for one in done:
            one.result()


if __name__ == "__main__":
    main()
