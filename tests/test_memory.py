"""Freed memory goes back to the system; what stays is not searched for garbage."""

import gc
import platform
from pathlib import Path

import numpy as np
import pytest

from stylebox.core.memory import kept_to_the_end, trim_memory


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


def test_what_is_made_to_stay_is_not_searched_for_garbage() -> None:
    class Kept:
        """A class: the garbage collector watches its objects."""

    searched: list[str] = []

    def watch(phase: str, _info: dict[str, int]) -> None:
        searched.append(phase)

    gc.callbacks.append(watch)
    try:
        with kept_to_the_end():
            kept = [Kept() for _ in range(5000)]
        assert searched == []
        assert gc.isenabled()
        assert not any(found is kept[0] for found in gc.get_objects())
        later = Kept()
        assert any(found is later for found in gc.get_objects())
    finally:
        gc.callbacks.remove(watch)
        gc.unfreeze()
