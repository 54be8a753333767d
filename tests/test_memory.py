"""Freed memory goes back to the system."""

import platform
from pathlib import Path

import numpy as np
import pytest

from stylebox.core.memory import trim_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps freed memory and can give it back")
def test_memory_that_was_freed_between_others_is_given_back() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096

    blocks = [np.ones(10_000) for _ in range(2000)]  # too small to be given back one by one
    kept = blocks[-1]
    del blocks
    before = resident()
    trim_memory()
    assert before - resident() > 100e6
    assert kept.sum() == 10_000
