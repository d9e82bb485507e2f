"""The next batches, made while the device works on this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Made = TypeVar("Made")


def made_ahead(
    jobs: Iterator[Job], make: Callable[[Job], Made], num_ahead: int
) -> Iterator[tuple[Job, Made]]:
    """Jobs and what is made of them, in order, some of it ahead of its use.

    Args:
        jobs: Taken from one thread, in order.
        make: Called from several threads at once.
        num_ahead: Jobs under way beside the one in use; 0 makes each when it is asked for.
    """
    if num_ahead == 0:
        for job in jobs:
            yield job, make(job)
        return
    waiting: deque[tuple[Job, Future[Made]]] = deque()
    pool = ThreadPoolExecutor(num_ahead, thread_name_prefix="batch")
    try:
        for job in jobs:
            waiting.append((job, pool.submit(make, job)))
            if len(waiting) > num_ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)
