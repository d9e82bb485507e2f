"""The same halves behind LitServe, with its batching: what a general server makes of them.

    python -m experiments.reliability.litserve_server --system SYSTEM --port 9000 --threads 2

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

from experiments.evaluation.link import SemanticLink
from experiments.reliability.in_process import CHANNEL
from shared.runtime.settings import DEFAULT_WEIGHTS
from shared.source import Source
from transmitter.media import decode_media

MAX_BATCH = 32
# Long enough for requests that arrive together, as LitServe's own examples set it.
BATCH_TIMEOUT_S = 0.01


class HalvesApi(litserve.LitAPI):  # type: ignore[misc]  # it has no types
    """Both halves of one system.

    Args:
        weights: Folder with a folder of weights a system.
        system: Name of the system.
        threads: Of the networks.
    """

    def __init__(self, weights: Path, system: str, threads: int) -> None:
        super().__init__(max_batch_size=MAX_BATCH, batch_timeout=BATCH_TIMEOUT_S)
        self._weights, self._system, self._threads = weights, system, threads

    def setup(self, device: Any) -> None:
        """Load the halves, in the worker's own process."""
        torch.set_num_threads(self._threads)
        self._link = SemanticLink.load(self._weights, self._system)

    def decode_request(self, request: Request) -> tuple[str, Source]:
        """Task and decoded inputs of a request, which LitServe has read as JSON."""
        is_text = request.get("text") is not None
        inputs: dict[Any, bytes] = {"text": request["text"].encode()} if is_text else {}
        inputs |= {modality: base64.b64decode(data) for modality, data in request["files"].items()}
        source = {modality: decode_media(modality, data) for modality, data in inputs.items()}
        return request["task"], source

    def predict(self, x: Sequence[tuple[str, Source]]) -> list[dict[str, Any]]:
        """Answers of a batch, those of each task together."""
        answers: dict[int, dict[str, Any]] = {}
        for task in {task for task, _ in x}:
            places = [place for place, (own, _) in enumerate(x) if own == task]
            (sent,) = self._link.send(task, [x[place][1] for place in places], [CHANNEL], places)
            for place, outcome in zip(places, sent, strict=True):
                scores = dict(outcome.answer.scores)
                answers[place] = {"labels": list(outcome.answer.labels), "scores": scores}
        return [answers[place] for place in range(len(x))]


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--system", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--weights", type=Path, default=DEFAULT_WEIGHTS)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    api = HalvesApi(given.weights, given.system, given.threads)
    server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=1, timeout=120)
    server.run(host="127.0.0.1", port=given.port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
