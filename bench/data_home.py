"""Another data directory for a while."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def home_at(folder: Path) -> Iterator[None]:
    """A folder as the data directory within the block: models are trained and found there."""
    before = os.environ.get("STYLEBOX_HOME")
    os.environ["STYLEBOX_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["STYLEBOX_HOME"]
        else:
            os.environ["STYLEBOX_HOME"] = before
