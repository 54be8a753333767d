"""Batches made ahead of time, in background threads. Knows nothing of what is in them."""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor

from stylebox.core.training.stages.base import Batch


def prefetched(make: Callable[[int], Batch], steps: range, workers: int = 1) -> Generator[Batch]:
    """Batches of `steps` in order, made in background threads.

    Args:
        make: Gives the batch of a step.
        steps: Which ones.
        workers: Number of threads; one batch more is made ahead.
    """
    depth = workers + 1
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="batches")
    pending = deque(pool.submit(make, step) for step in steps[:depth])
    try:
        for step in range(steps.start + depth, steps.stop + depth):
            batch = pending.popleft().result()
            if step < steps.stop:
                pending.append(pool.submit(make, step))
            yield batch
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
