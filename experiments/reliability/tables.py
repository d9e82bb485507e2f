"""Tables of the document, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from experiments.reliability.prepared import BATCHES
from experiments.reliability.processes import OWN
from experiments.reliability.verdicts import GOAL_CLIENTS, Verdict, cell_of, in_process_row
from experiments.report.measured import markdown_table

_HOPS = ("http", "encode", "uplink", "channel", "downlink", "decode", "client")


def _table(heads: str, rows: Iterable[Iterable[object]]) -> str:
    return "\n".join(markdown_table(heads, (list(map(str, row)) for row in rows)))


def verdict_table(verdicts: Iterable[Verdict]) -> str:
    """Goals, figures, and whether each is met."""
    rows = ([one.goal, one.figure, "met" if one.is_met else "**not met**"] for one in verdicts)
    return _table("goal | measured | verdict", rows)


def throughput_table(figures: Mapping[str, Any]) -> str:
    """Requests a second of the services, LitServe and one process."""
    heads = "task | clients | services [1/s] | share of one process | p50 [ms] | p99 [ms] | LitServe [1/s] | "
    heads += "its p50 [ms] | its p99 [ms] | load generator [CPU ms/request]"
    rows = []
    for cell in figures["services"]:
        best = in_process_row(figures, cell["task"], max(BATCHES))["instances_per_s"]
        rival = cell_of(figures["litserve"], cell["task"], cell["num_clients"])
        keys = ("requests_per_s", "p50_ms", "p99_ms")
        rivals = [rival[key] for key in keys] if rival else ["", "", ""]
        share = f"{cell['requests_per_s'] / best:.2f}"
        own = [cell["requests_per_s"], share, cell["p50_ms"], cell["p99_ms"]]
        rows.append([cell["task"], cell["num_clients"], *own, *rivals, cell["cpu_ms"][OWN]])
    return _table(heads, rows)


def in_process_table(figures: Mapping[str, Any]) -> str:
    """What both halves do without any service."""
    keys = ("task", "batch", "threads", "instances_per_s", "batch_ms")
    rows = ([row[key] for key in keys] for row in figures["in_process"])
    return _table("task | batch | threads | instances a second | a batch [ms]", rows)


def hop_table(figures: Mapping[str, Any]) -> str:
    """Mean time of each hop of a request."""
    rows = [
        [one["task"], one["num_clients"], *(f"{one['hops_ms'].get(hop, 0.0):.2f}" for hop in _HOPS)]
        for one in figures["breakdown"]
    ]
    return _table(" | ".join(["task", "clients", *(f"{hop} [ms]" for hop in _HOPS)]), rows)


def metric_table(figures: Mapping[str, Any]) -> str:
    """What the services' own histograms counted under the load of the goals."""
    rows = [
        [one["task"], row["service"], f"`{row['name']}`", row["labels"], row["count"], f"{row['mean']:.4g}"]
        for one in figures["breakdown"]
        if one["num_clients"] == GOAL_CLIENTS
        for row in one["histograms"]
    ]
    return _table("task | service | histogram | labels | count | mean", rows)


def _statuses(counts: Mapping[str, int]) -> str:
    named = {("no answer" if status == "0" else status): number for status, number in counts.items()}
    return ", ".join(f"{status}: {number}" for status, number in named.items())


def fault_table(figures: Mapping[str, Any]) -> str:
    """A row for each service and fault."""
    heads = "service | fault | statuses | away [s] | first answer after [s] | last failure after [s] | "
    heads += "latest [s past its deadline] | acknowledged | missing in the books | twice"
    rows = [
        [
            *(row["service"], row["fault"], _statuses(row["statuses"]), row["away_s"]),
            *("never" if row["first_answer_s"] is None else row["first_answer_s"], row["last_failure_s"]),
            *(row["latest_s"], row["books"]["num_acknowledged"], row["books"]["num_missing"]),
            row["books"]["num_twice"],
        ]
        for row in figures["rows"]
    ]
    return _table(heads, rows)


def slope_table(figures: Mapping[str, Any]) -> str:
    """Growth of each process."""
    keys = ("mib_per_1000", "standard_error", "start_mib", "end_mib")
    rows = ([name, *(line[key] for key in keys)] for name, line in figures["slopes"].items())
    return _table("process | slope [MiB per 1,000] | standard error | from [MiB] | to [MiB]", rows)


def pair_table(figures: Mapping[str, Any]) -> str:
    """Every task and system of the long run."""
    keys = ("system", "task", "num_requests", "num_failed", "p50_ms", "p99_ms")
    rows = ([pair[key] for key in keys] for pair in figures["pairs"])
    return _table("system | task | requests | failed | p50 [ms] | p99 [ms]", rows)


def attack_table(figures: Mapping[str, Any]) -> str:
    """Every kind of hostile input."""
    rows = [
        [row["name"], row["num_inputs"], _statuses(row["statuses"]), row["num_findings"], row["longest_s"]]
        for row in figures["attacks"]
    ]
    return _table("inputs | number | statuses | findings | longest [s]", rows)
