"""How many instances a second the three services answer on this machine, and how long one takes.

Run with `make bench-services` or `python -m client.bench_services`; prints one JSON object a task and
concurrency.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from semcom.api import SemcomClient
from semcom.demo import Sample, load_samples
from semcom.stack import Stack
from systems.registry import DEFAULT_SYSTEM

NUM_INSTANCES = 64
CONCURRENCIES = (1, 8)


@dataclass(frozen=True)
class Measurement:
    """Of one task at one concurrency.

    Attributes:
        task: Name of the task.
        concurrency: Requests under way at a time.
        num_instances: Requests measured.
        instances_per_s: Answered a second.
        p50_ms: Median time of a request as its client sees it [ms].
        p99_ms: 99th percentile of the same [ms].
    """

    task: str
    concurrency: int
    num_instances: int
    instances_per_s: float
    p50_ms: float
    p99_ms: float


def measure(
    client: SemcomClient, sample: Sample, *, concurrency: int, num_instances: int = NUM_INSTANCES
) -> Measurement:
    """Send one sample many times; the first answers, which warm the services up, do not count."""

    def send(_: int) -> float:
        started = time.perf_counter()
        client.transmit(sample.task, text=sample.text, **sample.files)  # type: ignore[arg-type]
        return 1e3 * (time.perf_counter() - started)

    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(send, range(concurrency)))
        started = time.perf_counter()
        durations_ms = sorted(pool.map(send, range(num_instances)))
        elapsed_s = time.perf_counter() - started
    return Measurement(
        task=sample.task,
        concurrency=concurrency,
        num_instances=num_instances,
        instances_per_s=round(num_instances / elapsed_s, 2),
        p50_ms=round(durations_ms[num_instances // 2], 2),
        p99_ms=round(durations_ms[(99 * num_instances) // 100], 2),
    )


def main() -> None:
    """Measure every trained task that has a sample."""
    with Stack.start(free_ports=True) as stack, stack.client() as client:
        trained = {task["name"] for task in client.tasks() if DEFAULT_SYSTEM in task["trained_in"]}
        samples = {sample.task: sample for sample in load_samples() if sample.task in trained}
        for sample in samples.values():
            for concurrency in CONCURRENCIES:
                print(json.dumps(asdict(measure(client, sample, concurrency=concurrency))), flush=True)


if __name__ == "__main__":
    main()
