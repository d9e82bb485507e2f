"""The same halves behind LitServe, with its batching: what a general server makes of them.

    python -m bench.litserve_server --system SYSTEM --port 9000 --threads 2

A request is POST /predict with the task, its text, and its files in base64. One worker decodes the inputs,
encodes them, draws the channel and decodes the answers of a whole batch; LitServe's own process speaks HTTP.
"""

# Without `from __future__ import annotations`: LitServe reads the annotation of a request as a class.

import argparse
import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import litserve
import torch
from fastapi import Request

from bench.in_process import CHANNEL
from bench.load import BATCHES
from experiments.evaluation.link import SemanticLink
from transmitter.media import decode_media

# Long enough for requests that arrive together, as LitServe's own examples set it.
_BATCH_TIMEOUT_S = 0.01


class LinkApi(litserve.LitAPI):  # type: ignore[misc]  # it has no types
    """Both halves of one system.

    Args:
        weights: Folder with a folder of weights a system.
        system: Name of the system.
        threads: Of the networks.
    """

    def __init__(self, weights: Path, system: str, threads: int) -> None:
        super().__init__(max_batch_size=max(BATCHES), batch_timeout=_BATCH_TIMEOUT_S)
        self._weights, self._system, self._threads = weights, system, threads

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
        (sent,) = self._link.send(task, [source for _, source in x], [CHANNEL], range(len(x)))
        return [{"labels": own.answer.labels, "scores": dict(own.answer.scores)} for own in sent]


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--system", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    given = parser.parse_args()
    api = LinkApi(given.weights, given.system, given.threads)
    server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=1, timeout=120)
    server.run(host="127.0.0.1", port=given.port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
