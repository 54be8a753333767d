"""Who makes the sounds that `bench/sound.py` measures: `stylebox transfer`, and a SoundFont that plays the same notes.

Both leave audio files in a folder, with the notes played as MIDI; what is there already is not made again.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from bench.sound_corpus import Input, read
from stylebox.core.audio.loudness import match_loudness
from stylebox.core.config import SAMPLE_RATE
from stylebox.core.music.instruments import instrument
from stylebox.core.music.midi.read import read_midi
from stylebox.core.sources.render.soundfont import synthesise


@dataclass(frozen=True)
class Output:
    """One sound that was made.

    Attributes:
        given, made: Files of the input and the output.
        target: The instrument it is meant to sound like.
        notes: A MIDI file of what it plays.
        transpose: Semitones from input to output.
        real_time_factor: Seconds of work for a second of sound.
    """

    given: str
    made: str
    target: str
    notes: str
    transpose: int = 0
    real_time_factor: float | None = None


def transfer(
    inputs: Sequence[Path], style: str, target: str, folder: Path, options: Sequence[str], threads: int = 1
) -> list[Output]:
    """`stylebox transfer` of some files to one style, with these options, in a process of its own.

    Raises:
        SystemExit: it failed on a file.
    """
    record = folder / "outputs.json"
    if not record.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "stylebox", "--quiet", "transfer", *map(str, inputs), "--style", style]
        command += ["--output", str(folder), "--midi", str(folder), "--seed", "0", "--force", "--json", *options]
        if len(inputs) == 1:  # then both are files
            command[command.index("--midi") + 1] = str(folder / "notes.mid")
        ended = subprocess.run(
            command, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise SystemExit(f"stylebox transfer to {style} failed: {ended.stderr.strip()} {ended.stdout.strip()}")
        made = [
            Output(r["source"], r["output"], target, r["midi"], r["transpose"], r["real_time_factor"])
            for r in json.loads(ended.stdout)["done"]
        ]
        record.write_text(json.dumps([asdict(output) for output in made], indent=1))
    return [Output(**row) for row in json.loads(record.read_text())]


def transfer_pairs(pairs: Sequence[tuple[Input, str]], folder: Path, options: Sequence[str]) -> list[Output]:
    """All pairs, one call per target."""
    outputs = []
    for target in dict.fromkeys(target for _, target in pairs):
        paths = [given.path for given, wanted in pairs if wanted == target]
        outputs += transfer(paths, target, target, folder / target, options)
    return outputs


def play_by_soundfont(outputs: Sequence[Output], folder: Path, soundfont: Path) -> list[Output]:
    """The notes of each output by the SoundFont's program for its target, dry, as loud as the input."""
    played = []
    for output in outputs:
        path = folder / output.target / f"{Path(output.made).stem}.wav"
        if not path.is_file():
            given, rate = read(Path(output.given))
            program = instrument(output.target).programs[0]
            seconds = len(given) / rate
            audio = synthesise(read_midi(Path(output.notes)).notes, soundfont, program, seconds, SAMPLE_RATE)
            path.parent.mkdir(parents=True, exist_ok=True)
            levelled = match_loudness(audio, given, SAMPLE_RATE)
            soundfile.write(path, levelled / max(1.0, float(np.abs(levelled).max())), SAMPLE_RATE, subtype="PCM_24")
        played.append(Output(output.given, str(path), output.target, output.notes, output.transpose))
    return played
