"""Where the time of a request goes: by what answers state, and by what /metrics of the services counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from client.stack import Stack
from experiments.reliability.load import Outcome

Key = tuple[str, str, str]
"""Service, name of a histogram, and its labels."""
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


class Watch:
    """Reads /metrics of all services before and after a load.

    Args:
        stack: Whose services they are.
    """

    def __init__(self, stack: Stack) -> None:
        self._urls = {
            service.name: service.ready_url.removesuffix("/readyz") + "/metrics" for service in stack.services
        }
        self._before: dict[Key, tuple[float, float]] = {}

    async def begin(self) -> None:
        """Note how things stand."""
        self._before = await self._read()

    async def end(self, task: str, num_clients: int, outcomes: Sequence[Outcome]) -> Breakdown:
        """What happened since.

        Args:
            task: Name of the task.
            num_clients: Requests under way at a time.
            outcomes: Of the load.
        """
        after = await self._read()
        return Breakdown(task, num_clients, mean_hops(outcomes), list(_differences(self._before, after)))

    async def _read(self) -> dict[Key, tuple[float, float]]:
        async with httpx.AsyncClient(trust_env=False, timeout=_READ_TIMEOUT_S) as http:
            pages = {name: (await http.get(url)).text for name, url in self._urls.items()}
        return {
            key: value for name, page in pages.items() for key, value in read_histograms(name, page).items()
        }


def read_histograms(service: str, page: str) -> dict[Key, tuple[float, float]]:
    """Sum and count of every histogram of a page of metrics.

    Args:
        service: Whose page it is.
        page: In the text format of Prometheus.
    """
    sums: dict[Key, float] = {}
    counts: dict[Key, float] = {}
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


def _differences(
    before: Mapping[Key, tuple[float, float]], after: Mapping[Key, tuple[float, float]]
) -> Iterable[dict[str, Any]]:
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
