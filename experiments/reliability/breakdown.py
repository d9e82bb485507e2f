"""Where the time of a request goes: by what answers state, and by what /metrics of the services counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from experiments.reliability.load import Outcome
from semcom.stack import Stack

Histograms = dict[tuple[str, str, str], tuple[float, float]]
"""By service, name and labels: sum and count of all that was observed so far."""
_READ_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Breakdown:
    """Of one task at one number of clients.

    Attributes:
        task: Name of the task.
        num_clients: Requests under way at a time.
        hops_ms: Mean time of each hop as answers state it, and `http`, the client's time without them [ms].
        histograms: Of /metrics: service, name, labels, count and mean of what was observed meanwhile.
    """

    task: str
    num_clients: int
    hops_ms: dict[str, float]
    histograms: list[dict[str, Any]]


async def read_metrics(stack: Stack) -> Histograms:
    """The histograms of /metrics of all services."""
    found: Histograms = {}
    async with httpx.AsyncClient(trust_env=False, timeout=_READ_TIMEOUT_S) as http:
        for service in stack.services:
            page = await http.get(service.ready_url.removesuffix("/readyz") + "/metrics")
            found |= read_histograms(service.name, page.text)
    return found


def read_histograms(service: str, page: str) -> Histograms:
    """The histograms of a page of metrics.

    Args:
        service: Whose page it is.
        page: In the text format of Prometheus.
    """
    sums: dict[tuple[str, str, str], float] = {}
    counts: dict[tuple[str, str, str], float] = {}
    for family in text_string_to_metric_families(page):
        if family.type != "histogram":
            continue
        for sample in family.samples:
            labels = ",".join(sample.labels[name] for name in sorted(sample.labels) if name != "le")
            key = (service, family.name, labels)
            if sample.name.endswith("_sum"):
                sums[key] = sample.value
            elif sample.name.endswith("_count"):
                counts[key] = sample.value
    return {key: (sums[key], counts[key]) for key in sums.keys() & counts.keys()}


def observed_between(before: Histograms, after: Histograms) -> Iterator[dict[str, Any]]:
    """Service, name, labels, count and mean of what was observed from one reading to another."""
    for key in sorted(after):
        earlier = before.get(key, (0.0, 0.0))
        total, count = after[key][0] - earlier[0], after[key][1] - earlier[1]
        if count > 0:
            service, name, labels = key
            yield {
                "service": service,
                "name": name,
                "labels": labels,
                "count": int(count),
                "mean": total / count,
            }


def mean_hops(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Mean time of every hop of the requests that were answered [ms].

    Args:
        outcomes: Of a load; those without an answer do not count.
    """
    answered = [outcome for outcome in outcomes if outcome.latency_ms]
    if not answered:
        return {}
    names = answered[0].latency_ms
    means = {name: sum(one.latency_ms[name] for one in answered) / len(answered) for name in names}
    client_ms = 1e3 * sum(one.duration_s for one in answered) / len(answered)
    return {**means, "http": client_ms - means["total"], "client": client_ms}
