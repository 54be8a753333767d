"""Parsers of files from strangers: any bytes give a result or an error of ours, never another exception.

`tools/fuzz.py` searches for more; what it found stays in tests/corpus.
"""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylebox.core.errors import StyleboxError
from tools.fuzz_targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
SEEDS = {name: sorted((CORPUS / name).iterdir()) for name in TARGETS}


def tried(name: str, data: bytes) -> None:
    """Give bytes to a target; an error must be ours."""
    with suppress(StyleboxError):
        TARGETS[name](data)


@pytest.mark.parametrize(
    ("name", "path"), [pytest.param(name, path, id=f"{name}-{path.name}") for name in SEEDS for path in SEEDS[name]]
)
def test_an_input_that_was_found_by_searching_is_no_fault(name: str, path: Path) -> None:
    tried(name, path.read_bytes())


@pytest.mark.parametrize("name", sorted(TARGETS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_damaged_file_gives_a_result_or_one_line(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from([path.read_bytes()[:4096] for path in SEEDS[name]]))
    start = data.draw(st.integers(0, len(seed)))
    cut = data.draw(st.integers(0, 8))
    tried(name, seed[:start] + data.draw(st.binary(max_size=8)) + seed[start + cut :])
