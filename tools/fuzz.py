"""Search the parsers for inputs that break them, guided by coverage.

    pip install atheris
    python -m tools.fuzz TARGET --corpus FOLDER [--seconds 300]

TARGET is one of `tools/fuzz_targets.py`. The search begins with the files of tests/corpus/TARGET and keeps in FOLDER
what reaches new code. A finding is written to FOLDER/findings and ends the search; put it into tests/corpus/TARGET,
where the tests try it from then on.
"""

import argparse
import sys
from contextlib import suppress
from pathlib import Path

import atheris

from stylebox.core.errors import StyleboxError

with atheris.instrument_imports(include=["stylebox", "mido", "tomllib", "csv", "json"]):
    from tools.fuzz_targets import TARGETS

SEEDS = Path(__file__).parent.parent / "tests" / "corpus"


def main() -> None:
    """Search until the time is up or something is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--corpus", type=Path, required=True, help="folder for inputs that reach new code")
    parser.add_argument("--seconds", type=int, default=300)
    asked = parser.parse_args()
    target = TARGETS[asked.target]

    def run(data: bytes) -> None:
        with suppress(StyleboxError):
            target(data)

    kept, findings = asked.corpus / asked.target, asked.corpus / "findings"
    for folder in (kept, findings):
        folder.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={asked.seconds}", "-max_len=65536", "-rss_limit_mb=4096", "-timeout=20"]
    prefix = f"-artifact_prefix={findings / asked.target}-"
    atheris.Setup([sys.argv[0], *limits, prefix, str(kept), str(SEEDS / asked.target)], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
