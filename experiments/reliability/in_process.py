"""How many instances a second both halves of a system do in one process, without any service.

    python -m experiments.reliability.in_process --tasks vqa,sentiment --system SYSTEM --threads 2 --seconds 3

Prints one JSON object a task and batch. It runs in a process of its own, so that its number of threads and
its memory are its own too.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

import torch

from channel_service.links.settings import LinkSettings
from experiments.evaluation.link import SemanticLink
from experiments.reliability.prepared import BATCHES, samples_of
from semcom.demo import Sample
from shared.runtime.settings import DEFAULT_WEIGHTS
from shared.source import Source
from shared.tasks import Modality, get_task
from transmitter.media import decode_media

CHANNEL = LinkSettings().to_channel()
"""The default link's."""


@dataclass(frozen=True)
class InProcessRate:
    """Of one task in batches of one size.

    Attributes:
        task: Name of the task.
        batch: Instances that are done together.
        threads: Of the networks.
        instances_per_s: Done a second.
        batch_ms: Median time of a batch [ms].
    """

    task: str
    batch: int
    threads: int
    instances_per_s: float
    batch_ms: float


def decode_sample(sample: Sample) -> Source:
    """The inputs of a sample as a system's transmitter half takes them."""

    def read(modality: Modality) -> bytes:
        is_file = modality in sample.files
        return sample.files[modality].read_bytes() if is_file else (sample.text or "").encode()

    return {modality: decode_media(modality, read(modality)) for modality in get_task(sample.task).modalities}


def measure(link: SemanticLink, task: str, batch: int, *, threads: int, seconds: float) -> InProcessRate:
    """Send a task's samples through a link, batch after batch, from decoded inputs to answers.

    Args:
        link: Both halves.
        task: Name of the task.
        batch: Instances that are done together.
        threads: That torch was told, for the record.
        seconds: How long to measure, after one batch that does not count [s].
    """
    sources = [decode_sample(sample) for sample in samples_of(task)]
    instances = list(islice(cycle(sources), batch))
    numbers = list(range(batch))
    link.send(task, instances, [CHANNEL], numbers)
    durations_ms: list[float] = []
    started = time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds or not durations_ms:
        before = time.perf_counter()
        link.send(task, instances, [CHANNEL], numbers)
        durations_ms.append(1e3 * (time.perf_counter() - before))
    elapsed = time.perf_counter() - started
    median_ms = sorted(durations_ms)[len(durations_ms) // 2]
    return InProcessRate(
        task, batch, threads, round(batch * len(durations_ms) / elapsed, 2), round(median_ms, 2)
    )


def main() -> None:
    """Measure every task at every batch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", required=True)
    parser.add_argument("--system", required=True)
    parser.add_argument("--weights", type=Path, default=DEFAULT_WEIGHTS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    link = SemanticLink.load(given.weights, given.system)
    for task in given.tasks.split(","):
        for batch in BATCHES:
            rate = measure(link, task, batch, threads=given.threads, seconds=given.seconds)
            print(json.dumps(asdict(rate)), flush=True)


if __name__ == "__main__":
    main()
