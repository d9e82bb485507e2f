"""Each service killed, paused and restarted under load: what clients see, and what the report store holds."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from bench.load import NO_ANSWER, SHARES, Goal, audit, count_statuses, requests_of, running_load
from semcom.stack import ServiceProcess, Stack
from shared.errors import ServiceUnavailable
from systems.registry import DEFAULT_SYSTEM

_ALLOWED = {200, 429, 503, 504}
_EDGE = "transmitter"
"""The service that clients talk to: while it is gone or stopped, nobody can answer them."""
_DEADLINE_S, _LATE_S, _RECOVERY_S = 5.0, 0.5, 5.0
_NUM_CLIENTS = 16
_DOWN_S, _PAUSE_S = 1.0, 10.0
_READY_TIMEOUT_S, _STOP_TIMEOUT_S = 180.0, 60.0
_FAULTS = {"killed": signal.SIGKILL, "paused": signal.SIGSTOP, "restarted": signal.SIGTERM}


def _hit(service: ServiceProcess, fault: str) -> None:
    """Kill, pause or restart a service, and wait until it is ready again."""
    if fault == "paused":
        service.process.send_signal(signal.SIGSTOP)
        time.sleep(_PAUSE_S)
        service.process.send_signal(signal.SIGCONT)
    else:
        service.process.send_signal(_FAULTS[fault])
        service.process.wait(_STOP_TIMEOUT_S)
        time.sleep(_DOWN_S)
        service.start_again()
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while not service.is_ready():
        service.check_running()
        if time.monotonic() > deadline:
            raise ServiceUnavailable(service.name, service.ready_url)
        time.sleep(0.05)


def measure_faults(
    seconds: float, weights: Path, services: Collection[str] = (), faults: Collection[str] = tuple(_FAULTS)
) -> dict[str, Any]:
    """Everything of this part, as it is stored.

    Args:
        seconds: Load before each fault, and after the service is back [s].
        weights: Folder with a folder of weights a system.
        services: That are hit; all where empty.
        faults: killed, paused or restarted.
    """
    with Stack.start(weights=weights, free_ports=True) as stack:
        hit = [service for service in stack.services if not services or service.name in services]
        rows = [_measure_fault(stack, service, fault, seconds) for service, fault in product(hit, faults)]
    figures = {"num_clients": _NUM_CLIENTS, "deadline_s": _DEADLINE_S, "rows": rows}
    return {**figures, "goals": list(_judge(rows))}


def _measure_fault(stack: Stack, service: ServiceProcess, fault: str, seconds: float) -> dict[str, Any]:
    requests = [one for task in SHARES for one in requests_of(DEFAULT_SYSTEM, task, timeout_s=_DEADLINE_S)]
    # Longer than an answer may take: whoever gives up itself has seen a late one.
    patience_s = _DEADLINE_S + 2 * _LATE_S
    with running_load(stack.base_url, requests, _NUM_CLIENTS, patience_s=patience_s) as load:
        load.wait_for_answers(_NUM_CLIENTS)
        time.sleep(seconds)
        began_s = time.time()
        _hit(service, fault)
        returned_s = time.time()
        time.sleep(seconds)
    with stack.client() as client:
        stored = audit(load.outcomes, client)
    row = {"service": service.name, "fault": fault, "num_requests": len(load.outcomes)}
    return {**row, **_summarise(load.outcomes, began_s, returned_s, service.name == _EDGE), "stored": stored}


def _summarise(outcomes: pd.DataFrame, began_s: float, returned_s: float, is_edge: bool) -> dict[str, Any]:
    """Statuses, and times from the service's return to the first answer and to the end of the last failure.

    `latest_s` is how long after its deadline the latest request ended. Requests to the edge itself that were
    under way while it was away do not count there.
    """
    ended_s = outcomes.started_s + outcomes.duration_s
    is_answered = outcomes.status == 200
    judged = outcomes[(outcomes.started_s > returned_s) | (ended_s < began_s)] if is_edge else outcomes
    times = {
        "away_s": returned_s - began_s,
        "first_answer_s": ended_s[is_answered & (ended_s > returned_s)].min() - returned_s,
        "last_failure_s": max(0.0, ended_s[~is_answered].max() - returned_s),
        "latest_s": max(0.0, judged.duration_s.max() - _DEADLINE_S),
    }
    rounded = {name: None if pd.isna(value) else round(float(value), 2) for name, value in times.items()}
    return {"statuses": count_statuses(outcomes), **rounded}


def _judge(rows: Sequence[dict[str, Any]]) -> Iterator[Goal]:
    """Statuses, deadlines, recovery and stored instances, each over every service and fault."""

    def judge(goal: str, measured: str, is_met: Callable[[dict[str, Any]], bool]) -> Goal:
        missed = [f"{row['service']} {row['fault']}" for row in rows if not is_met(row)]
        return goal, f"not so: {', '.join(missed)}" if missed else measured, not missed

    late_s, last_s = (max(row[name] for row in rows) for name in ("latest_s", "last_failure_s"))
    stored = sum(row["stored"]["num_acknowledged"] for row in rows)
    yield judge(f"clients see only {', '.join(map(str, sorted(_ALLOWED)))}", "nothing else", _is_expected)
    yield judge(
        f"each answer within its deadline + {_LATE_S:g} s",
        f"{late_s:g} s late at most",
        lambda row: row["latest_s"] <= _LATE_S,
    )
    yield judge(
        f"recovery within {_RECOVERY_S:g} s of the service's return",
        f"last failure {last_s:g} s after it at most",
        lambda row: (
            row["first_answer_s"] is not None
            and max(row["first_answer_s"], row["last_failure_s"]) <= _RECOVERY_S
        ),
    )
    yield judge(
        "every acknowledged instance is in the report store exactly once",
        f"all {stored}",
        lambda row: not row["stored"]["num_missing"] and not row["stored"]["num_twice"],
    )


def _is_expected(row: dict[str, Any]) -> bool:
    allowed = _ALLOWED | ({NO_ANSWER} if row["service"] == _EDGE else set())
    return set(map(int, row["statuses"])) <= allowed
