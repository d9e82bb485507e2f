"""The cores of a service, shared out among the batches that its networks work on."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch


def count_cores() -> int:
    """Cores that this process may use; where the system does not say, all of the machine."""
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(num_cores, cpu_quota())))


def cpu_quota(membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> float:
    """Cores' worth of time that the process's control groups grant it; infinity where they set no limit.

    Args:
        membership: File that names the process's group in each hierarchy, as Linux writes it.
        root: Where the hierarchies are mounted.
    """
    try:
        rows = [line.split(":", 2) for line in membership.read_text().splitlines() if line.count(":") >= 2]
    except OSError:
        return math.inf
    quotas = [math.inf]
    for _, controllers, name in rows:
        if not controllers:  # version 2
            quotas += [_quota(group / "cpu.max") for group in _groups(root, name)]
        elif "cpu" in controllers.split(","):
            groups = _groups(root / controllers, name) + _groups(root / "cpu", name)
            quotas += [_quota(group / "cpu.cfs_quota_us", group / "cpu.cfs_period_us") for group in groups]
    return min(quotas)


def _groups(hierarchy: Path, name: str) -> list[Path]:
    """A group and those that it is in. A container may see its own as the root, under a name from outside."""
    parts = Path(name).parts[1:]
    return [hierarchy.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]


def _quota(*files: Path) -> float:
    """Quota divided by period; infinity where there is none."""
    try:
        quota, period = " ".join(file.read_text() for file in files).split()
        return float(quota) / float(period) if float(quota) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number
        return math.inf


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
