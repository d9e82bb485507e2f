"""Closed-loop load: so many clients, each of which sends its next request when the last one is answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np
import yarl

from experiments.reliability.prepared import PreparedRequest

NO_ANSWER = 0
"""Status of a request without an answer: refused or cut connection, or its client's own deadline."""
FIRST_NUMBER = 1_000_000
"""Frame numbers of jobs that are told apart by them start here, beyond those that a link gives out itself."""
_PAUSE_AFTER_FAILURE_S = 0.1


@dataclass(frozen=True)
class Job:
    """One request to be sent.

    Attributes:
        request: What is sent.
        frame_number: Of the channel's draw; None: the next one. One that is used once marks the request
            in the books, whatever identifier its instance gets.
        timeout_s: Deadline that the service is told [s]; None: its default.
    """

    request: PreparedRequest
    frame_number: int | None = None
    timeout_s: float | None = None

    def target(self) -> str:
        """Path and query."""
        given = {"frame_number": self.frame_number, "timeout_s": self.timeout_s}
        return self.request.target(**{name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True)
class Outcome:
    """What became of one request, as its client saw it.

    Attributes:
        task: That was asked for.
        system: That was asked.
        started_s: When it was sent, on the clock of time.monotonic [s].
        duration_s: Until the whole answer was there, or none would come [s].
        status: Of HTTP, or NO_ANSWER.
        instance_id: Of the answer; empty without one.
        frame_number: As the job gave it.
        latency_ms: Of every hop as the answer states it [ms]; empty without one.
    """

    task: str
    system: str
    started_s: float
    duration_s: float
    status: int
    instance_id: str
    frame_number: int | None
    latency_ms: dict[str, float]

    @property
    def ended_s(self) -> float:
        """When it ended, on the clock of time.monotonic [s]."""
        return self.started_s + self.duration_s


def count_statuses(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Requests by HTTP status; 0 where no answer came."""
    return dict(sorted(Counter(str(outcome.status) for outcome in outcomes).items()))


def latencies_of(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Median and 99th percentile of the time that requests took [ms]; 0 where there are none."""
    durations_ms = [1e3 * outcome.duration_s for outcome in outcomes] or [0.0]
    median, tail = np.percentile(durations_ms, (50, 99)).tolist()
    return {"p50_ms": round(median, 1), "p99_ms": round(tail, 1)}


async def send(client: aiohttp.ClientSession, job: Job) -> Outcome:
    """Send one request; whatever happens is an outcome.

    Args:
        client: Of the service, as `open_load` makes it.
        job: What is sent.
    """
    request, url = job.request, yarl.URL(job.target(), encoded=True)
    started = time.monotonic()
    try:
        async with client.post(url, data=request.body, headers=request.headers) as response:
            status, content = response.status, await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError):
        status, content = NO_ANSWER, b""
    duration = time.monotonic() - started
    answer = _read(content)
    return Outcome(
        task=request.task,
        system=request.system,
        started_s=started,
        duration_s=duration,
        status=status,
        instance_id=str(answer.get("instance_id", "")),
        frame_number=job.frame_number,
        latency_ms=answer.get("latency_ms", {}),
    )


def _read(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


@asynccontextmanager
async def open_load(
    base_url: str, num_clients: int, patience_s: float
) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a service with as many connections as clients, who give up by themselves after a while."""
    connector, timeout = aiohttp.TCPConnector(limit=num_clients), aiohttp.ClientTimeout(total=patience_s)
    # Services of one's own machine are never behind a proxy, and know no tokens of one's environment.
    session = aiohttp.ClientSession(base_url, connector=connector, timeout=timeout, trust_env=False)
    async with session:
        yield session


async def run_load(
    client: aiohttp.ClientSession,
    jobs: Iterator[Job],
    num_clients: int,
    on_outcome: Callable[[Outcome], None],
) -> None:
    """Let clients send jobs until there are none.

    Args:
        client: Sends them.
        jobs: Shared by all clients; asked for the next one only when a client is free.
        num_clients: Requests under way at a time.
        on_outcome: Told of each.
    """

    async def one_client() -> None:
        for job in jobs:
            outcome = await send(client, job)
            on_outcome(outcome)
            if outcome.status != 200:
                await asyncio.sleep(_PAUSE_AFTER_FAILURE_S)

    await asyncio.gather(*(one_client() for _ in range(num_clients)))
