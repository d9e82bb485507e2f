"""How many instances a second both halves of a system do in one process, without any service.

    python -m bench.in_process --system SYSTEM --tasks vqa,sentiment --threads 2 --seconds 3

Prints one JSON object a task and batch. It runs in a process of its own, so that its number of threads and
its memory are its own too.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.load import BATCHES, fields_of, samples_of
from channel_service.links.settings import LinkSettings
from experiments.evaluation.link import SemanticLink
from transmitter.media import decode_media

CHANNEL = LinkSettings().to_channel()
"""The default link's."""


def measure(link: SemanticLink, task: str, batch: int, seconds: float) -> dict[str, Any]:
    """Send a task's samples through a link, batch after batch, from decoded inputs to answers.

    Args:
        link: Both halves.
        task: Name of the task.
        batch: Instances that are done together.
        seconds: How long to measure, after one batch that does not count [s].
    """
    sources: list[Any] = [
        {name: decode_media(name, data) for name, (_, data) in fields_of(sample).items()}  # type: ignore[arg-type]
        for sample in samples_of(task)
    ]
    instances, numbers = list(islice(cycle(sources), batch)), list(range(batch))
    link.send(task, instances, [CHANNEL], numbers)
    times = [time.perf_counter()]
    while times[-1] < times[0] + seconds or len(times) == 1:
        link.send(task, instances, [CHANNEL], numbers)
        times.append(time.perf_counter())
    rate = batch * (len(times) - 1) / (times[-1] - times[0])
    batch_ms = 1e3 * float(np.median(np.diff(times)))
    return {"task": task, "batch": batch, "instances_per_s": round(rate, 2), "batch_ms": round(batch_ms, 2)}


def main() -> None:
    """Measure every task at every batch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--system", required=True)
    parser.add_argument("--tasks", required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    link = SemanticLink.load(given.weights, given.system)
    for task in given.tasks.split(","):
        for batch in BATCHES:
            row = measure(link, task, batch, given.seconds)
            print(json.dumps({**row, "threads": given.threads}), flush=True)


if __name__ == "__main__":
    main()
