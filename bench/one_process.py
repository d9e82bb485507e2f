"""Both halves of a system in one process: alone, and behind LitServe, what a general server makes of them.

python -m bench.one_process SYSTEM WEIGHTS THREADS vqa,sentiment SECONDS   # a JSON object a task and batch
python -m bench.one_process SYSTEM WEIGHTS THREADS PORT                    # LitServe: POST /predict

It runs as a process of its own, so that its number of threads and its memory are its own too.
"""

# Without `from __future__ import annotations`: LitServe reads the annotation of a request as a class.

import base64
import json
import sys
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import litserve
import numpy as np
import torch
from fastapi import Request

from bench.load import fields_of, samples_of
from channel_service.links.settings import LinkSettings
from experiments.evaluation.link import SemanticLink
from transmitter.media import decode_media

BATCHES = (1, 32)
"""Instances that are done together."""
_CHANNEL = LinkSettings().to_channel()
# Long enough for requests that arrive together, as LitServe's own examples set it.
_BATCH_TIMEOUT_S = 0.01


def measure(link: SemanticLink, task: str, batch: int, seconds: float) -> dict[str, Any]:
    """Instances a second from decoded inputs to answers, and the median time of a batch after the first."""
    sources: list[Any] = [
        {name: decode_media(name, data) for name, (_, data) in fields_of(sample).items()}  # type: ignore[arg-type]
        for sample in samples_of(task)
    ]
    instances, numbers = list(islice(cycle(sources), batch)), list(range(batch))
    link.send(task, instances, [_CHANNEL], numbers)
    times = [time.perf_counter()]
    while times[-1] < times[0] + seconds or len(times) == 1:
        link.send(task, instances, [_CHANNEL], numbers)
        times.append(time.perf_counter())
    rate = batch * (len(times) - 1) / (times[-1] - times[0])
    batch_ms = 1e3 * float(np.median(np.diff(times)))
    return {"task": task, "batch": batch, "instances_per_s": round(rate, 2), "batch_ms": round(batch_ms, 2)}


class LinkApi(litserve.LitAPI):  # type: ignore[misc]  # it has no types
    """Both halves in LitServe's worker; a request has its task, and its inputs in base64."""

    def __init__(self, system: str, weights: Path, threads: int) -> None:
        super().__init__(max_batch_size=max(BATCHES), batch_timeout=_BATCH_TIMEOUT_S)
        self._system, self._weights, self._threads = system, weights, threads

    def setup(self, device: Any) -> None:
        """Load the halves, in the worker's own process."""
        torch.set_num_threads(self._threads)
        self._link = SemanticLink.load(self._weights, self._system)

    def decode_request(self, request: Request) -> tuple[str, Any]:
        """Task and decoded inputs of a request, which LitServe has read as JSON."""
        inputs = {name: base64.b64decode(data) for name, data in request["inputs"].items()}
        return request["task"], {name: decode_media(name, data) for name, data in inputs.items()}

    def predict(self, x: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
        """Answers of a batch, which is of one task."""
        (task,) = {task for task, _ in x}
        (sent,) = self._link.send(task, [source for _, source in x], [_CHANNEL], range(len(x)))
        return [{"labels": own.answer.labels, "scores": dict(own.answer.scores)} for own in sent]


def main(system: str, weights: str, threads: str, what: str, seconds: str = "0") -> None:
    """Measure tasks at every batch, or serve at a port until the process is ended."""
    if what.isdigit():
        api = LinkApi(system, Path(weights), int(threads))
        server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=1, timeout=120)
        server.run(host="127.0.0.1", port=int(what), generate_client_file=False, log_level="warning")
        return
    torch.set_num_threads(int(threads))
    link = SemanticLink.load(Path(weights), system)
    for task in what.split(","):
        for batch in BATCHES:
            print(
                json.dumps({**measure(link, task, batch, float(seconds)), "threads": int(threads)}),
                flush=True,
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
