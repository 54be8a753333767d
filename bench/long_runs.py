"""Long runs: whether memory, open files and threads of a process stay flat. Linux and macOS; needs psutil.

    python -m bench.long_runs transfers CLIP --count 500
    python -m bench.long_runs command --seconds 60 -- stylebox train ldm --name long --max-minutes 30

Prints the rows of a table for docs/long_runs.md, which is a section of docs/reliability.md.
"""

import argparse
import os
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch are imported

import psutil

EVERY = 50  # transfers between two readings


class Reading(NamedTuple):
    """What a process holds at a moment: its memory in MB, and numbers of open files and of threads."""

    moment: str
    megabytes: float
    files: int
    threads: int

    @classmethod
    def of(cls, process: psutil.Process, moment: str) -> "Reading":
        """What a process holds now; memory is its resident set."""
        with process.oneshot():
            memory = process.memory_info().rss / 2**20
            return cls(moment, memory, process.num_fds(), process.num_threads())

    def row(self) -> str:
        """A row of a Markdown table."""
        return f"| {self.moment} | {self.megabytes:.0f} | {self.files} | {self.threads} |"


def transfers(clip: str, style: str, count: int) -> Iterator[Reading]:
    """Transfer a clip again and again in this process, with the shipped model.

    Args:
        clip: A sound file.
        style: Name of a style.
        count: How often.
    """
    import stylebox

    model, process = stylebox.load("base"), psutil.Process()
    for done in range(1, count + 1):
        model.transfer(clip, style=style, seed=done)
        if done == 1 or done % EVERY == 0:
            yield Reading.of(process, f"{done} transfers")


def command(words: list[str], seconds: float) -> Iterator[Reading]:
    """Run a command and read what it holds at equal intervals, until it ends.

    Args:
        words: The command and its arguments.
        seconds: Between two readings.

    Raises:
        SystemExit: It failed.
    """
    begun = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as running:
        process = psutil.Process(running.pid)
        while True:
            try:
                if running.wait(seconds):
                    raise SystemExit(f"failed: {' '.join(words)}")
                return
            except subprocess.TimeoutExpired:
                yield Reading.of(process, f"{(time.monotonic() - begun) / 60:.0f} minutes")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    repeated = kinds.add_parser("transfers")
    repeated.add_argument("clip")
    repeated.add_argument("--style", default="violin")
    repeated.add_argument("--count", type=int, default=500)
    watched = kinds.add_parser("command")
    watched.add_argument("--seconds", type=float, default=60.0)
    watched.add_argument("words", nargs="+")
    asked = parser.parse_args()
    if asked.kind == "transfers":
        readings = transfers(asked.clip, asked.style, asked.count)
    else:
        readings = command(asked.words, asked.seconds)
    print("| after | memory, MB | open files | threads |\n|---|---:|---:|---:|")
    for reading in readings:
        print(reading.row(), flush=True)


if __name__ == "__main__":
    main()
