"""The bench, by one command: every system on every set, all judges, and the page docs/results.md with its picture.

    python -m bench.recordings dev --to SETS/dev
    python -m bench.recordings test --to SETS/test
    pip install --no-deps --target PACKAGES/basic_pitch basic-pitch==0.4.0
    pip install --no-deps --target PACKAGES/musicnn musicnn==0.1.0
    pip install --target PACKAGES/tf tensorflow-cpu
    pip install --no-deps --target PACKAGES/transkun transkun==2.0.1 ncls==0.0.71
    pip install --no-deps --target PACKAGES/swift_f0 swift-f0==0.3.0
    python -m bench.results RUN --data DATA --sets SETS --packages PACKAGES

DATA has `phrases` (they belong to the set `dev`), `performances`, `truth`, `samples` and `notes`. RUN receives outputs
and answers; a second run goes on where the first stopped, and judges only what changed. docs/evaluation.md is the
protocol.
"""

import argparse
import multiprocessing
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch are imported

from bench.bench import Bench, Places

ROOT = Path(__file__).parents[1]
PAGE, PICTURE = ROOT / "docs" / "results.md", ROOT / "docs" / "images" / "systems.png"
SOUNDFONT = Path("/usr/share/sounds/sf3/MuseScore_General.sf3")
UNHEARD = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
PAIRS = 24
_bench: Bench | None = None  # of a worker process


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of this run")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", type=Path, required=True, help="what bench.recordings wrote")
    parser.add_argument("--packages", type=Path, required=True, help="the judges' packages")
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT)
    parser.add_argument("--unheard", type=Path, default=UNHEARD, help="a SoundFont kept out of training")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="of input and target per set, drawn evenly")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--output", type=Path, default=PAGE)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    return parser.parse_args()


def places(asked: argparse.Namespace) -> Places:
    """Where everything is."""
    sets = (("dev", (asked.data / "phrases", asked.sets / "dev")), ("test", (asked.sets / "test",)))
    return Places(asked.run, asked.data, sets, asked.packages, asked.soundfont, asked.unheard, asked.pairs)


def main() -> None:
    """Work, then write the page."""
    asked = parsed()
    begun = time.monotonic()
    bench = Bench(places(asked))
    bench.paper.train()
    tasks = bench.tasks()
    with multiprocessing.get_context("spawn").Pool(asked.jobs, _start, (places(asked),)) as pool:
        for done, task in enumerate(pool.imap_unordered(_work, tasks), 1):
            print(f"{time.strftime('%H:%M:%S')}  {done} of {len(tasks)}: {' '.join(task)}", file=sys.stderr, flush=True)
    from bench.report import write_page  # it draws: matplotlib is not needed by the workers

    write_page(bench, asked.output, asked.picture)
    print(f"{asked.output} written after {(time.monotonic() - begun) / 60:.0f} minutes", file=sys.stderr)


def _start(where: Places) -> None:
    global _bench
    _bench = Bench(where)


def _work(task: tuple[str, str, str]) -> tuple[str, str, str]:
    assert _bench is not None
    _bench.work(task)
    return task


if __name__ == "__main__":
    main()
