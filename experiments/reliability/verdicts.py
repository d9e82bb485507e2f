"""What the measurements are held against, and whether each goal is met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.reliability.faults import EDGE, LATE_S
from experiments.reliability.load import NO_ANSWER
from experiments.reliability.prepared import BATCHES

ALLOWED_STATUSES = (200, 429, 503, 504)
RECOVERY_S = 5.0
GOAL_CLIENTS = 32
ONE_CLIENT_MARGIN_MS = 5.0
"""What one client's median may take beside the networks [ms]."""
FLAT_MIB = 1.0
"""Growth of a process for every 1,000 requests that still counts as none [MiB]."""
HOSTILE_GROWTH_MIB = 512.0
"""Growth of a process over all hostile inputs that still counts as bounded [MiB]."""


@dataclass(frozen=True)
class Verdict:
    """One goal and its figure.

    Attributes:
        goal: In words.
        figure: What was measured, in words.
        is_met: Whether it is met.
    """

    goal: str
    figure: str
    is_met: bool


def in_process_row(figures: Mapping[str, Any], task: str, batch: int) -> dict[str, Any]:
    """The best of the in-process rates of a task and batch, over all numbers of threads."""
    rows = [row for row in figures["in_process"] if (row["task"], row["batch"]) == (task, batch)]
    return dict(max(rows, key=lambda row: row["instances_per_s"]))


def cell_of(cells: Sequence[Mapping[str, Any]], task: str, num_clients: int) -> dict[str, Any] | None:
    """The cell of a task and number of clients; None where it was not measured."""
    found = [cell for cell in cells if (cell["task"], cell["num_clients"]) == (task, num_clients)]
    return dict(found[0]) if found else None


def judge_throughput(figures: Mapping[str, Any]) -> Iterator[Verdict]:
    """Share of the in-process rate, LitServe, and what one client waits for."""
    for goal in figures["goals"]:
        task = goal["task"]
        ours = cell_of(figures["services"], task, GOAL_CLIENTS)
        if ours is not None:
            best = in_process_row(figures, task, max(BATCHES))["instances_per_s"]
            share = ours["requests_per_s"] / best
            yield Verdict(
                f"{task}, {GOAL_CLIENTS} clients: at least {goal['share']:g} of the in-process batched rate",
                f"{share:.2f} ({ours['requests_per_s']:.1f} of {best:.1f} a second)",
                share >= goal["share"],
            )
            yield from _judge_rival(figures, task, ours)
        alone = cell_of(figures["services"], task, 1)
        if alone is not None:
            model_ms = in_process_row(figures, task, min(BATCHES))["batch_ms"]
            yield Verdict(
                f"{task}, one client: median at most model time + {ONE_CLIENT_MARGIN_MS:g} ms",
                f"{alone['p50_ms']:.1f} ms, model {model_ms:.1f} ms",
                alone["p50_ms"] <= model_ms + ONE_CLIENT_MARGIN_MS,
            )


def _judge_rival(figures: Mapping[str, Any], task: str, ours: Mapping[str, Any]) -> Iterator[Verdict]:
    rival = cell_of(figures["litserve"], task, GOAL_CLIENTS)
    if rival is not None:
        yield Verdict(
            f"{task}, {GOAL_CLIENTS} clients: ahead of LitServe",
            f"{ours['requests_per_s']:.1f} against {rival['requests_per_s']:.1f} a second",
            ours["requests_per_s"] > rival["requests_per_s"],
        )


def judge_faults(figures: Mapping[str, Any]) -> Iterator[Verdict]:
    """Statuses, deadlines, recovery and books, each over every service and fault."""
    allowed = ", ".join(map(str, ALLOWED_STATUSES))
    rows = figures["rows"]
    wrong = {_name(row): unexpected(row) for row in rows if unexpected(row)}
    yield Verdict(f"clients see only {allowed}", _listed(wrong, "nothing else"), not wrong)
    late = {_name(row): f"{row['latest_s']:g} s late" for row in rows if row["latest_s"] > LATE_S}
    yield Verdict(f"each answer within its deadline + {LATE_S:g} s", _listed(late, "none later"), not late)
    slow = {_name(row): _recovery(row) for row in rows if not _has_recovered(row)}
    longest = max((row["last_failure_s"] for row in rows), default=0.0)
    yield Verdict(
        f"recovery within {RECOVERY_S:g} s of the service's return",
        _listed(slow, f"last failure {longest:g} s after the return at most"),
        not slow,
    )
    lost = {
        _name(row): f"{row['books']['num_missing']} missing, {row['books']['num_twice']} twice"
        for row in rows
        if row["books"]["num_missing"] or row["books"]["num_twice"]
    }
    number = sum(row["books"]["num_acknowledged"] for row in rows)
    yield Verdict(
        "every acknowledged instance is in the books exactly once", _listed(lost, f"all {number}"), not lost
    )


def unexpected(row: Mapping[str, Any]) -> dict[str, int]:
    """Statuses that clients should not have seen, by how many saw them.

    Nobody can answer for the service that clients talk to while its process is gone or stopped, so a request
    of it without an answer is expected; the document states how many there were.

    Args:
        row: Of one fault, as it is stored.
    """
    allowed = {*map(str, ALLOWED_STATUSES), *([str(NO_ANSWER)] if row["service"] == EDGE else [])}
    return {status: number for status, number in row["statuses"].items() if status not in allowed}


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['service']} {row['fault']}"


def _has_recovered(row: Mapping[str, Any]) -> bool:
    return (
        row["first_answer_s"] is not None and max(row["first_answer_s"], row["last_failure_s"]) <= RECOVERY_S
    )


def _recovery(row: Mapping[str, Any]) -> str:
    first = "never" if row["first_answer_s"] is None else f"{row['first_answer_s']:g} s"
    return f"first answer {first}, last failure {row['last_failure_s']:g} s"


def _listed(found: Mapping[str, Any], otherwise: str) -> str:
    """What is wrong, by name."""
    return "; ".join(f"{name}: {_shown(what)}" for name, what in found.items()) or otherwise


def _shown(what: Any) -> str:
    if isinstance(what, dict):
        return ", ".join(f"{number} × {'no answer' if key == '0' else key}" for key, number in what.items())
    return str(what)


def judge_soak(figures: Mapping[str, Any]) -> Iterator[Verdict]:
    """Failures, books and memory."""
    total, good = figures["num_requests"], figures["statuses"].get("200", 0)
    yield Verdict("no failures", f"{total - good} of {total}", good == total)
    books = figures["books"]
    yield Verdict(
        "every acknowledged instance is in the books exactly once",
        f"{books['num_missing']} missing, {books['num_twice']} twice of {books['num_acknowledged']}",
        not books["num_missing"] and not books["num_twice"],
    )
    slopes = figures["slopes"]
    figure = "; ".join(
        f"{name} {line['mib_per_1000']:+.2f} ± {line['standard_error']:.2f}" for name, line in slopes.items()
    )
    is_flat = bool(slopes) and all(line["mib_per_1000"] <= FLAT_MIB for line in slopes.values())
    yield Verdict(
        f"memory grows by at most {FLAT_MIB:g} MiB for 1,000 requests", figure or "too few requests", is_flat
    )


def judge_hostile(figures: Mapping[str, Any]) -> Iterator[Verdict]:
    """Findings, and memory over all inputs."""
    findings = {row["name"]: row["num_findings"] for row in figures["attacks"] if row["num_findings"]}
    yield Verdict(
        "no crash, no 500, no INTERNAL",
        _listed(findings, f"none in {figures['num_inputs']} inputs"),
        not findings,
    )
    before, after = figures["memory_before_mib"], figures["attacks"][-1]["memory_mib"]
    growth = {name: after[name] - before[name] for name in before}
    yield Verdict(
        f"no process grows by more than {HOSTILE_GROWTH_MIB:g} MiB",
        "; ".join(f"{name} {mib:+.0f} MiB" for name, mib in growth.items()),
        all(mib <= HOSTILE_GROWTH_MIB for mib in growth.values()),
    )


JUDGES = {
    "throughput": judge_throughput,
    "faults": judge_faults,
    "soak": judge_soak,
    "hostile": judge_hostile,
}
"""By name of the part."""
