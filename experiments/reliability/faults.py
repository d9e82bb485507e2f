"""Each service killed, paused and restarted under load: what clients see, and what the books say."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, product, takewhile
from pathlib import Path
from typing import Any

from experiments.reliability.books import Audit, audit, read_rows
from experiments.reliability.load import (
    FIRST_NUMBER,
    Job,
    Outcome,
    count_statuses,
    open_load,
    run_load,
)
from experiments.reliability.prepared import prepare, samples_of
from experiments.reliability.throughput import GOALS
from semcom.stack import ServiceProcess, Stack
from shared.errors import ServiceUnavailable
from systems.registry import DEFAULT_SYSTEM

LATE_S = 0.5
"""How long after its deadline an answer may come [s]."""
EDGE = "transmitter"
"""The service that clients talk to."""
_LINK = "default"
_NUM_CLIENTS = 16
_DOWN_S = 1.0
_READY_TIMEOUT_S = 180.0
_STOP_TIMEOUT_S = 60.0
_POLL_S = 0.05


@dataclass(frozen=True)
class FaultScale:
    """How long each fault takes.

    Attributes:
        before_s: Load before the fault [s].
        pause_s: Length of a pause [s].
        after_s: Load after the service is back [s].
        deadline_s: Of every request [s].
    """

    before_s: float
    pause_s: float
    after_s: float
    deadline_s: float


@dataclass(frozen=True)
class FaultRow:
    """One service, hit once under load.

    Attributes:
        service: That was hit.
        fault: What was done to it.
        num_requests: Sent before, meanwhile and after.
        statuses: Requests by HTTP status; 0 where no answer came.
        away_s: From the hit until the service was ready again [s].
        first_answer_s: From then until the first answer of 200 [s]; None if there was none.
        last_failure_s: From then until the last request that failed had ended [s]; 0 if none failed after it.
        latest_s: How long after its deadline the latest request ended [s]; 0 if none was late. Requests that
            were under way while the service which clients talk to was away itself do not count.
        books: Held against the answers.
    """

    service: str
    fault: str
    num_requests: int
    statuses: dict[str, int]
    away_s: float
    first_answer_s: float | None
    last_failure_s: float
    latest_s: float
    books: Audit


def _kill(service: ServiceProcess, scale: FaultScale) -> None:
    service.process.kill()
    service.process.wait()
    time.sleep(_DOWN_S)
    service.start_again()


def _pause(service: ServiceProcess, scale: FaultScale) -> None:
    service.process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(scale.pause_s)
    finally:
        service.process.send_signal(signal.SIGCONT)


def _restart(service: ServiceProcess, scale: FaultScale) -> None:
    service.process.terminate()
    service.process.wait(_STOP_TIMEOUT_S)
    service.start_again()


FAULTS: dict[str, Callable[[ServiceProcess, FaultScale], None]] = {
    "killed": _kill,
    "paused": _pause,
    "restarted": _restart,
}


def measure_faults(
    scale: FaultScale,
    weights: Path,
    on_progress: Callable[[str], None],
    *,
    services: Collection[str] | None = None,
    faults: Collection[str] = tuple(FAULTS),
) -> dict[str, Any]:
    """Everything of this part, as it is stored.

    Args:
        scale: How long each fault takes.
        weights: Folder with a folder of weights a system.
        on_progress: Told how far it is.
        services: That are hit; all where absent.
        faults: Names of FAULTS.
    """
    requests = [prepare(sample, DEFAULT_SYSTEM) for goal in GOALS for sample in samples_of(goal.task)]
    numbered = enumerate(cycle(requests), FIRST_NUMBER)
    jobs = (Job(request, number, scale.deadline_s) for number, request in numbered)
    rows: list[FaultRow] = []
    with Stack.start(weights=weights, free_ports=True, on_progress=on_progress) as stack:
        hit = [service for service in stack.services if services is None or service.name in services]
        for service, fault in product(hit, faults):
            on_progress(f"{service.name} {fault}")
            rows.append(asyncio.run(_hit(stack, service, fault, scale, jobs)))
    return {
        "scale": asdict(scale),
        "num_clients": _NUM_CLIENTS,
        "rows": [asdict(row) for row in rows],
    }


async def _hit(
    stack: Stack, service: ServiceProcess, fault: str, scale: FaultScale, jobs: Iterator[Job]
) -> FaultRow:
    outcomes: list[Outcome] = []
    is_over = asyncio.Event()
    until_over = takewhile(lambda _: not is_over.is_set(), jobs)
    # Longer than an answer may take: whoever gives up itself has seen a late one.
    patience_s = scale.deadline_s + 2 * LATE_S
    async with open_load(stack.base_url, _NUM_CLIENTS, patience_s) as client:
        running = asyncio.create_task(run_load(client, until_over, _NUM_CLIENTS, outcomes.append))
        try:
            await asyncio.sleep(scale.before_s)
            began = time.monotonic()
            await asyncio.to_thread(FAULTS[fault], service, scale)
            await asyncio.to_thread(_wait_until_ready, service)
            returned = time.monotonic()
            await asyncio.sleep(scale.after_s)
        finally:
            is_over.set()
            await running
    with stack.client() as books:
        rows = await asyncio.to_thread(read_rows, books.report, _LINK)
    books_of = audit(outcomes, rows)
    return summarise(service.name, fault, outcomes, began, returned, scale.deadline_s, books_of)


def summarise(
    service: str,
    fault: str,
    outcomes: Sequence[Outcome],
    began_s: float,
    returned_s: float,
    deadline_s: float,
    books: Audit,
) -> FaultRow:
    """The row of one fault.

    Args:
        service: That was hit.
        fault: What was done to it.
        outcomes: Of all requests.
        began_s: When it was hit, on the outcomes' clock [s].
        returned_s: When it was ready again, on the same clock [s].
        deadline_s: Of every request [s].
        books: Held against the outcomes.
    """
    answers = [one.ended_s for one in outcomes if one.status == 200 and one.ended_s > returned_s]
    failures = [one.ended_s for one in outcomes if one.status != 200]
    # While the edge itself is gone or stopped nobody can answer its clients in time.
    durations = [
        one.duration_s
        for one in outcomes
        if service != EDGE or one.started_s > returned_s or one.ended_s < began_s
    ]
    latest = max(durations, default=0.0)
    return FaultRow(
        service=service,
        fault=fault,
        num_requests=len(outcomes),
        statuses=count_statuses(outcomes),
        away_s=round(returned_s - began_s, 2),
        first_answer_s=round(min(answers) - returned_s, 2) if answers else None,
        last_failure_s=round(max(0.0, max(failures, default=0.0) - returned_s), 2),
        latest_s=round(max(0.0, latest - deadline_s), 2),
        books=books,
    )


def _wait_until_ready(service: ServiceProcess) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while not service.is_ready():
        service.check_running()
        if time.monotonic() > deadline:
            raise ServiceUnavailable(service.name, service.ready_url)
        time.sleep(_POLL_S)
