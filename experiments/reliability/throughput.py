"""Throughput of the three services beside both halves in one process, and beside LitServe.

Every figure of one run is taken on the same cores, one after another; the load generator shares them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import psutil

from experiments.reliability.breakdown import Breakdown, mean_hops, observed_between, read_metrics
from experiments.reliability.load import Job, Outcome, count_statuses, latencies_of, open_load, run_load
from experiments.reliability.prepared import BATCHES, PreparedRequest, prepare, samples_of
from experiments.reliability.processes import OWN, cpu_seconds, pids_of
from semcom.demo import Sample
from semcom.stack import Ports, Stack
from shared.errors import ServiceUnavailable
from shared.runtime.cores import count_cores
from systems.registry import DEFAULT_SYSTEM

_PATIENCE_S = 120.0
_START_TIMEOUT_S = 180.0
# A cell whose first round alone takes longer than this many of its windows ends anyhow.
_MAX_WINDOWS = 6


@dataclass(frozen=True)
class Goal:
    """What a task's throughput is held against.

    Attributes:
        task: Name of the task.
        share: Of the in-process rate in batches of 32 that 32 clients shall reach.
    """

    task: str
    share: float


GOALS = (Goal("sentiment", 0.6), Goal("image_classification", 0.8), Goal("vqa", 0.8))


@dataclass(frozen=True)
class Scale:
    """How long throughput is measured.

    Attributes:
        window_s: Of one cell [s].
        clients: Clients of a service, a cell each.
        rival_clients: Clients of LitServe.
        in_process_s: Of one batch size in one process [s].
    """

    window_s: float
    clients: tuple[int, ...]
    rival_clients: tuple[int, ...]
    in_process_s: float


@dataclass(frozen=True)
class Cell:
    """A server under closed-loop load of one task.

    Attributes:
        task: Name of the task.
        num_clients: Requests under way at a time.
        num_requests: Answered within the window.
        requests_per_s: Answered a second.
        p50_ms: Median time of a request as its client sees it [ms].
        p99_ms: 99th percentile of the same [ms].
        statuses: Requests of the whole cell by HTTP status; 0 where no answer came.
        cpu_ms: Time of the CPU for each request, by process [ms].
    """

    task: str
    num_clients: int
    num_requests: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int]
    cpu_ms: dict[str, float]


class Window:
    """Opens once every client has had an answer, and closes some time later.

    Args:
        num_clients: Requests under way at a time.
        length_s: How long it is open, or as long as the first answers took, if that is longer [s].
    """

    def __init__(self, num_clients: int, length_s: float) -> None:
        self._num_clients, self._length_s = num_clients, length_s
        self.outcomes: list[Outcome] = []
        self._began = time.monotonic()
        self.opened_s: float | None = None
        self.on_open: Callable[[], None] = lambda: None

    def add(self, outcome: Outcome) -> None:
        """Note an outcome."""
        self.outcomes.append(outcome)
        if self.opened_s is None and len(self.outcomes) >= self._num_clients:
            self.opened_s = outcome.ended_s
            # Answers come a batch at a time: a window shorter than a round may see none.
            first_round_s = outcome.ended_s - min(one.started_s for one in self.outcomes)
            self._length_s = max(self._length_s, first_round_s)
            self.on_open()

    def jobs(self, requests: Sequence[PreparedRequest]) -> Iterator[Job]:
        """The same requests again and again until the window closes."""
        for request in cycle(requests):
            now = time.monotonic()
            start = (
                self._began + (_MAX_WINDOWS - 1) * self._length_s if self.opened_s is None else self.opened_s
            )
            if now >= start + self._length_s:
                return
            yield Job(request)

    def within(self) -> list[Outcome]:
        """Outcomes that ended while it was open."""
        start = self._began if self.opened_s is None else self.opened_s
        return [one for one in self.outcomes if start < one.ended_s <= start + self._length_s]

    def rate(self) -> float:
        """Requests answered a second, from its opening to the last answer within it.

        Answers come in bursts, a batch each: up to the end of the window there may be a burst more or less.
        """
        ends = [one.ended_s for one in self.within() if one.status == 200]
        start = self._began if self.opened_s is None else self.opened_s
        return len(ends) / (max(ends) - start) if ends else 0.0


async def measure_cell(
    base_url: str,
    requests: Sequence[PreparedRequest],
    num_clients: int,
    window_s: float,
    pids: dict[str, int],
) -> tuple[Cell, list[Outcome]]:
    """One cell of the table, and the outcomes within its window.

    Args:
        base_url: Of the server.
        requests: Of one task, sent in turn.
        num_clients: Requests under way at a time.
        window_s: How long to measure once every client has had an answer [s].
        pids: Processes whose time of the CPU is noted, the load generator's among them.
    """
    window = Window(num_clients, window_s)
    before: dict[str, float] = {}
    window.on_open = lambda: before.update(cpu_seconds(pids))
    async with open_load(base_url, num_clients, _PATIENCE_S) as client:
        await run_load(client, window.jobs(requests), num_clients, window.add)
    after, num_since = cpu_seconds(pids), max(1, len(window.outcomes) - num_clients)
    within = window.within()
    cell = Cell(
        task=requests[0].task,
        num_clients=num_clients,
        num_requests=len(within),
        requests_per_s=round(window.rate(), 2),
        **latencies_of(within),
        statuses=count_statuses(window.outcomes),
        cpu_ms={name: round(1e3 * (after[name] - before.get(name, 0.0)) / num_since, 2) for name in pids},
    )
    return cell, within


def measure_throughput(scale: Scale, weights: Path, on_progress: Callable[[str], None]) -> dict[str, Any]:
    """Everything of this part, as it is stored."""
    in_process = _measure_in_process(scale, weights, on_progress)
    services, breakdowns = asyncio.run(_measure_services(scale, weights, on_progress))
    threads = best_threads(in_process)
    litserve = asyncio.run(_measure_litserve(scale, weights, threads, on_progress))
    return {
        "goals": [asdict(goal) for goal in GOALS],
        "scale": asdict(scale),
        "in_process": in_process,
        "services": [asdict(cell) for cell in services],
        "litserve": [asdict(cell) for cell in litserve],
        "litserve_threads": threads,
        "breakdown": [asdict(breakdown) for breakdown in breakdowns],
    }


def _measure_in_process(
    scale: Scale, weights: Path, on_progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    num_cores = count_cores()
    for threads in sorted({1, num_cores}):
        on_progress(f"in one process, {threads} threads")
        command = [
            *(sys.executable, "-m", "experiments.reliability.in_process", "--system", DEFAULT_SYSTEM),
            *("--tasks", ",".join(goal.task for goal in GOALS)),
            *("--threads", str(threads), "--seconds", str(scale.in_process_s)),
            *("--weights", str(weights)),
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=_threads_free())
        rows += [json.loads(line) for line in done.stdout.splitlines()]
    return rows


def best_threads(in_process: Sequence[Mapping[str, Any]]) -> int:
    """The number of threads that does most instances a second in large batches, over all tasks.

    Args:
        in_process: Rows of `InProcessRate`.
    """
    rates: dict[int, float] = {}
    for row in in_process:
        if row["batch"] == max(BATCHES):
            rates[row["threads"]] = rates.get(row["threads"], 0.0) + row["instances_per_s"]
    return max(rates, key=lambda threads: rates[threads])


def _threads_free() -> dict[str, str]:
    """The environment without a number of threads that would go before the one we ask for."""
    return {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}


async def _measure_services(
    scale: Scale, weights: Path, on_progress: Callable[[str], None]
) -> tuple[list[Cell], list[Breakdown]]:
    cells, breakdowns = [], []
    with Stack.start(weights=weights, free_ports=True, on_progress=on_progress) as stack:
        pids = {**pids_of(stack), OWN: os.getpid()}
        for goal in GOALS:
            requests = [prepare(sample, DEFAULT_SYSTEM) for sample in samples_of(goal.task)]
            for num_clients in scale.clients:
                on_progress(f"{goal.task}, {num_clients} clients")
                before = await read_metrics(stack)
                cell, outcomes = await measure_cell(
                    stack.base_url, requests, num_clients, scale.window_s, pids
                )
                cells.append(cell)
                observed = list(observed_between(before, await read_metrics(stack)))
                breakdowns.append(Breakdown(goal.task, num_clients, mean_hops(outcomes), observed))
    return cells, breakdowns


async def _measure_litserve(
    scale: Scale, weights: Path, threads: int, on_progress: Callable[[str], None]
) -> list[Cell]:
    cells = []
    on_progress("starting LitServe")
    with _litserve(weights, threads) as (base_url, pid):
        for goal in GOALS:
            requests = [_for_litserve(prepared) for prepared in samples_of(goal.task)]
            for num_clients in scale.rival_clients:
                on_progress(f"{goal.task}, {num_clients} clients of LitServe")
                cell, _ = await measure_cell(
                    base_url, requests, num_clients, scale.window_s, {OWN: os.getpid(), "litserve": pid}
                )
                cells.append(cell)
    return cells


def _for_litserve(sample: Sample) -> PreparedRequest:
    files = {name: base64.b64encode(path.read_bytes()).decode() for name, path in sample.files.items()}
    body = json.dumps({"task": sample.task, "text": sample.text, "files": files}).encode()
    headers = {"Content-Type": "application/json"}
    return PreparedRequest(sample.task, DEFAULT_SYSTEM, "/predict", {}, headers, body)


@contextlib.contextmanager
def _litserve(weights: Path, threads: int) -> Iterator[tuple[str, int]]:
    """LitServe on a free port, ended with all its processes: its address, and its main process."""
    port = Ports.free().transmitter_http
    command = [
        *(sys.executable, "-m", "experiments.reliability.litserve_server", "--system", DEFAULT_SYSTEM),
        *("--port", str(port), "--threads", str(threads)),
        *("--weights", str(weights)),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_threads_free()
    )
    try:
        _wait_for_health(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for member in reversed(family):
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()


def _wait_for_health(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False).is_success:
                return
        time.sleep(0.2)
    raise ServiceUnavailable("litserve", url)
