"""A long run of mixed tasks and systems: failures, memory of each process over time, latency over time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from scipy import stats

from experiments.reliability.books import audit, read_rows
from experiments.reliability.load import (
    FIRST_NUMBER,
    Job,
    Outcome,
    count_statuses,
    latencies_of,
    open_load,
    run_load,
    send,
)
from experiments.reliability.prepared import PreparedRequest, prepare, samples_of
from experiments.reliability.processes import memory_mib, pids_of
from semcom.stack import Stack

_NUM_CLIENTS = 16
_LINK = "default"
_PATIENCE_S = 120.0
_SEED = 1
# What costs more than this gets its turn more rarely, so that a slow system is not all that is measured.
_COMMON_COST_S = 0.1
# Caches fill and threads start in the beginning; the slope is that of what follows.
_WARM_SHARE = 0.25
_NUM_PIECES = 20


@dataclass(frozen=True)
class Memory:
    """Memory at one moment.

    Attributes:
        num_answered: Requests answered until then.
        mib: Resident memory of each process [MiB].
    """

    num_answered: int
    mib: dict[str, float]


def measure_soak(
    num_requests: int,
    weights: Path,
    on_progress: Callable[[str], None],
    *,
    sample_every_s: float = 1.0,
) -> dict[str, Any]:
    """Everything of this part, as it is stored.

    Args:
        num_requests: To be sent.
        weights: Folder with a folder of weights a system.
        on_progress: Told how far it is.
        sample_every_s: From one look at the memory to the next [s].
    """
    with Stack.start(weights=weights, free_ports=True, on_progress=on_progress) as stack:
        return asyncio.run(_soak(stack, num_requests, on_progress, sample_every_s))


async def _soak(
    stack: Stack, num_requests: int, on_progress: Callable[[str], None], sample_every_s: float
) -> dict[str, Any]:
    outcomes: list[Outcome] = []
    with stack.client() as client:
        requests = _requests_of(client.systems())
        async with open_load(stack.base_url, _NUM_CLIENTS, _PATIENCE_S) as load:
            costs = await _costs(load, requests)
            on_progress(f"{len(costs)} pairs of task and system")
            jobs = mix(requests, costs, num_requests, random.Random(_SEED))
            watching = asyncio.create_task(_watch(stack, outcomes, num_requests, sample_every_s, on_progress))
            started = time.monotonic()
            await run_load(load, jobs, _NUM_CLIENTS, outcomes.append)
            elapsed_s = time.monotonic() - started
            watching.cancel()
            memories = await watching
        rows = await asyncio.to_thread(read_rows, client.report, _LINK)
    return {
        "num_clients": _NUM_CLIENTS,
        "elapsed_s": round(elapsed_s, 1),
        "books": asdict(audit(outcomes, rows)),
        **summarise(outcomes, memories),
    }


def _requests_of(systems: Sequence[Mapping[str, Any]]) -> list[PreparedRequest]:
    """Every sample of every task of every loaded system."""
    return [
        prepare(sample, system["name"])
        for system in systems
        for task in system["tasks"]
        for sample in samples_of(task)
    ]


async def _costs(
    load: aiohttp.ClientSession, requests: Sequence[PreparedRequest]
) -> dict[tuple[str, str], float]:
    """Time of one request of each task and system, after one that warms it up [s]."""
    costs: dict[tuple[str, str], float] = {}
    for request in requests:
        key = (request.task, request.system)
        if key not in costs:
            await send(load, Job(request))
            costs[key] = (await send(load, Job(request))).duration_s
    return costs


def mix(
    requests: Sequence[PreparedRequest],
    costs: Mapping[tuple[str, str], float],
    num_requests: int,
    rng: random.Random,
) -> Iterator[Job]:
    """Requests in a random order; a pair of task and system that costs much has its turn more rarely.

    Args:
        requests: To choose from.
        costs: Time of one request, by task and system [s].
        num_requests: How many.
        rng: Chooses.
    """
    weights = [
        min(1.0, _COMMON_COST_S / max(costs[request.task, request.system], 1e-9)) for request in requests
    ]
    for number in range(FIRST_NUMBER, FIRST_NUMBER + num_requests):
        (request,) = rng.choices(requests, weights)
        yield Job(request, frame_number=number)


async def _watch(
    stack: Stack,
    outcomes: Sequence[Outcome],
    num_requests: int,
    every_s: float,
    on_progress: Callable[[str], None],
) -> list[Memory]:
    memories: list[Memory] = []
    pids = pids_of(stack)
    while True:
        memories.append(Memory(len(outcomes), memory_mib(pids)))
        on_progress(f"{len(outcomes)} of {num_requests} requests")
        try:
            await asyncio.sleep(every_s)
        except asyncio.CancelledError:
            memories.append(Memory(len(outcomes), memory_mib(pids)))
            return memories


def summarise(outcomes: Sequence[Outcome], memories: Sequence[Memory]) -> dict[str, Any]:
    """Figures of a run.

    Args:
        outcomes: Of all requests.
        memories: In order of time.
    """
    pairs = sorted({(outcome.system, outcome.task) for outcome in outcomes})
    return {
        "num_requests": len(outcomes),
        "statuses": count_statuses(outcomes),
        **latencies_of(outcomes),
        "max_ms": round(1e3 * max(outcome.duration_s for outcome in outcomes), 1),
        "pairs": [_pair(outcomes, system, task) for system, task in pairs],
        "slopes": slopes(memories),
        "memory": [asdict(memory) for memory in thinned(memories, 400)],
        "latency": _latency_over_time(outcomes),
    }


def _pair(outcomes: Sequence[Outcome], system: str, task: str) -> dict[str, Any]:
    own = [one for one in outcomes if (one.system, one.task) == (system, task)]
    return {
        "system": system,
        "task": task,
        "num_requests": len(own),
        "num_failed": sum(one.status != 200 for one in own),
        **latencies_of(own),
    }


def slopes(memories: Sequence[Memory]) -> dict[str, dict[str, float]]:
    """How the memory that each process keeps grows with the requests answered, after their first quarter.

    While a long recording is decoded a process holds hundreds of MiB more, and gives them back. What it keeps
    is the least that it held in a piece of the run; a leak raises that from piece to piece.

    Args:
        memories: In order of time.

    Returns:
        By process: mib_per_1000 and its standard error, and the memory kept at the start of the fit and at
        the end [MiB]. Empty where there are too few pieces for a line.
    """
    total = memories[-1].num_answered
    pieces: dict[int, list[Memory]] = {}
    for memory in memories:
        if memory.num_answered >= _WARM_SHARE * total:
            number = min(_NUM_PIECES * memory.num_answered // max(1, total), _NUM_PIECES - 1)
            pieces.setdefault(number, []).append(memory)
    if len(pieces) < 2:
        return {}
    result = {}
    for name in memories[0].mib:
        least = [min(piece, key=lambda memory: memory.mib[name]) for piece in pieces.values()]
        kept = [memory.mib[name] for memory in least]
        line = stats.linregress([memory.num_answered / 1000 for memory in least], kept)
        result[name] = {
            "mib_per_1000": round(float(line.slope), 3),
            # SciPy has no error for a memory that stays the same.
            "standard_error": round(float(np.nan_to_num(line.stderr)), 3),
            "start_mib": round(kept[0], 1),
            "end_mib": round(kept[-1], 1),
        }
    return result


def thinned(memories: Sequence[Memory], most: int) -> list[Memory]:
    """Evenly chosen ones, at most so many, the last among them."""
    step = -(-len(memories) // most)
    return [*memories[:-1:step], memories[-1]]


def _latency_over_time(outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    """Median and 99th percentile of pieces of the run of equally many requests."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.ended_s)
    size = -(-len(ordered) // _NUM_PIECES)
    pieces = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    return [
        {"num_answered": min(len(ordered), (place + 1) * size), **latencies_of(piece)}
        for place, piece in enumerate(pieces)
    ]
