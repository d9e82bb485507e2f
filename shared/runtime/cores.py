"""The cores of a service, shared out among the batches that its networks work on."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def count_cores() -> int:
    """Cores that this process may use; where the system does not say, all of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Cores:
    """Threads for the networks of one process.

    A batch that is alone gets all of them, so that a lone request is answered soonest; batches that are at
    work together split them, so that all cores are busy and none waits for another.

    Args:
        num_threads: To be shared out.
    """

    def __init__(self, num_threads: int) -> None:
        self._num_threads = num_threads
        self._num_at_work = 0
        self._lock = threading.Lock()

    @contextmanager
    def share(self) -> Iterator[int]:
        """Let torch use this thread's share, by the number of batches at work when the work begins.

        Yields:
            The number of threads.
        """
        with self._lock:
            self._num_at_work += 1
            share = max(1, self._num_threads // self._num_at_work)
        torch.set_num_threads(share)  # of the calling thread alone
        try:
            yield share
        finally:
            with self._lock:
                self._num_at_work -= 1
