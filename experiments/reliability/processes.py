"""The services' processes as the operating system sees them: their time of the CPU and their memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import psutil

from semcom.stack import Stack
from shared.provenance import cpu_name, current_commit
from shared.runtime.cores import count_cores

_MIB = 1 << 20
OWN = "load generator"


def provenance(*, is_long: bool) -> dict[str, Any]:
    """Where and when figures were taken."""
    return {
        "commit": current_commit(),
        "cpu": cpu_name(),
        "num_cores": count_cores(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "form": "long" if is_long else "short",
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Time of the CPU that each process and its children have taken so far, user and system [s].

    The load generator's children are the services, so of our own process only its own time counts.
    """
    seconds = {}
    for name, pid in pids.items():
        process = psutil.Process(pid)
        children = [] if pid == os.getpid() else process.children(recursive=True)
        times = [member.cpu_times() for member in (process, *children)]
        seconds[name] = sum(own.user + own.system for own in times)
    return seconds


def memory_mib(pids: Mapping[str, int]) -> dict[str, float]:
    """Resident memory of each process [MiB]."""
    return {name: psutil.Process(pid).memory_info().rss / _MIB for name, pid in pids.items()}


def pids_of(stack: Stack) -> dict[str, int]:
    """Process of each service."""
    return {service.name: service.process.pid for service in stack.services}
