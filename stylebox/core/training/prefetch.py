"""Batches made ahead of time in the background. Knows steps and a function of them, not what it makes."""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

from stylebox.core.training.stages.base import Batch


def prefetched(make: Callable[[int], Batch], steps: range, depth: int = 2) -> Generator[Batch]:
    """Batches of `steps` in order, made in one background thread up to `depth` ahead."""
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
    pending = deque(pool.submit(make, step) for step in steps[:depth])
    try:
        for step in range(steps.start + depth, steps.stop + depth):
            batch = pending.popleft().result()
            if step < steps.stop:
                pending.append(pool.submit(make, step))
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
