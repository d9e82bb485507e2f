"""The services' processes as the operating system sees them: time, memory, and how they are hit."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from client.stack import Stack
from shared.provenance import cpu_name, current_commit

_MIB = 1 << 20
OWN = "load generator"


def provenance(*, is_long: bool) -> dict[str, Any]:
    """Where and when figures were taken."""
    return {
        "commit": current_commit(),
        "cpu": cpu_name(),
        "num_cores": len(os.sched_getaffinity(0)),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "form": "long" if is_long else "short",
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """Time of the CPU that each process and its children have taken so far, user and system [s].

    The load generator's children are the services, so of our own process only its own time counts.
    """
    return {name: sum(_own_cpu_s(process) for process in _family(pid)) for name, pid in pids.items()}


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process] if pid == os.getpid() else [process, *process.children(recursive=True)]


def _own_cpu_s(process: psutil.Process) -> float:
    user_s, system_s, *_ = process.cpu_times()
    return user_s + system_s


def memory_mib(pids: Mapping[str, int]) -> dict[str, float]:
    """Resident memory of each process [MiB]."""
    return {name: psutil.Process(pid).memory_info().rss / _MIB for name, pid in pids.items()}


def pids_of(stack: Stack) -> dict[str, int]:
    """Process of each service."""
    return {service.name: service.process.pid for service in stack.services}


class RestartableService:
    """One service of a stack that can be hit and started again with the same command and environment.

    Args:
        stack: Whose service it is; the service is started by this class from its first restart on.
        name: Of the service.
    """

    def __init__(self, stack: Stack, name: str) -> None:
        (self._service,) = (service for service in stack.services if service.name == name)
        running = psutil.Process(self._service.process.pid)
        self._command, self._environment = running.cmdline(), running.environ()
        self._folder: Path = Path(running.cwd())
        self.name, self.ready_url, self.pid = name, self._service.ready_url, running.pid
        self._started: list[subprocess.Popen[bytes]] = []

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._send(signal.SIGKILL)
        self._wait(10.0)

    def pause(self) -> None:
        """SIGSTOP."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._send(signal.SIGCONT)

    def terminate(self, timeout_s: float) -> float:
        """SIGTERM, and wait for the end; how long that took [s]."""
        started = time.monotonic()
        self._send(signal.SIGTERM)
        self._wait(timeout_s)
        return time.monotonic() - started

    def start_again(self) -> None:
        """Start the service as it was started before; returns at once."""
        with self._service.log.open("ab") as output:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._folder,
                start_new_session=True,
            )
        self._started.append(process)
        self.pid = process.pid

    def close(self) -> None:
        """End what this class has started."""
        for process in self._started:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10.0)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if process.stdin is not None:
                process.stdin.close()

    def _send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def _wait(self, timeout_s: float) -> None:
        current = self._started[-1] if self._started else self._service.process
        current.wait(timeout_s)
