"""Load by Locust: so many clients, each of which sends its next request when the last one is answered."""

from __future__ import annotations

import base64
import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pandas as pd

from semcom.api import Client
from semcom.demo import Sample, load_samples

NO_ANSWER = 0
"""Status of a request without an answer: refused or cut connection, or its client's own deadline."""
SHARES = {"sentiment": 0.6, "image_classification": 0.8, "vqa": 0.8}
"""By task: of the in-process rate in large batches that 32 clients shall reach."""
_MAX_ROWS = 100_000
_LOCUSTFILE = Path(__file__).with_name("locustfile.py")

Request = dict[str, Any]
"""A POST request: name, target (path and query), headers, and body in base64."""
Goal = tuple[str, str, bool]
"""What a measurement is held against and what was measured, both in words, and whether it is met."""


def samples_of(task: str) -> list[Sample]:
    """The samples of a task."""
    return [sample for sample in load_samples() if sample.task == task]


def fields_of(sample: Sample) -> dict[str, tuple[str | None, bytes]]:
    """Parts of a form by modality: file name and bytes."""
    fields: dict[str, tuple[str | None, bytes]] = {
        modality: (path.name, path.read_bytes()) for modality, path in sample.files.items()
    }
    return fields if sample.text is None else {**fields, "text": (None, sample.text.encode())}


def requests_of(system: str, task: str, **query: float) -> list[Request]:
    """A request of the transmitter for each sample of a task; a text alone goes as JSON, as curl sends it."""
    requests = []
    for sample in samples_of(task):
        content: Any = {"files": fields_of(sample)} if sample.files else {"json": {"text": sample.text}}
        parameters: dict[str, str | float] = {"task": task, "system": system, **query}
        built = httpx.Request("POST", "http://localhost/transmit", params=parameters, **content)
        requests.append(make_request(f"{system} {task}", built))
    return requests


def make_request(name: str, built: httpx.Request) -> Request:
    """A request as the file for Locust holds it."""
    body = base64.b64encode(built.read()).decode()
    headers = {"Content-Type": built.headers["content-type"]}
    return {"name": name, "target": built.url.raw_path.decode(), "headers": headers, "body": body}


class Load:
    """A running Locust.

    Attributes:
        outcomes: After its end, a row a request: name, started_s on the clock of time.time [s], duration_s
            [s], status of HTTP or NO_ANSWER, instance_id, and frame_number where they were given.
    """

    outcomes: pd.DataFrame

    def __init__(self, process: subprocess.Popen[bytes], file: Path) -> None:
        self._process, self._file = process, file

    def is_running(self) -> bool:
        """Whether Locust has not ended yet."""
        return self._process.poll() is None

    def wait_for_answers(self, num_answers: int) -> None:
        """Wait until so many requests have ended, or the load has."""
        while self.is_running() and not (
            self._file.exists() and self._file.read_bytes().count(b"\n") >= num_answers
        ):
            time.sleep(0.05)


@contextmanager
def running_load(
    base_url: str,
    requests: Sequence[Request],
    num_clients: int,
    *,
    window_s: float | None = None,
    patience_s: float = 120.0,
    numbered: bool = True,
) -> Iterator[Load]:
    """Locust in a process of its own, from now to the end of the block.

    Args:
        base_url: Of the server.
        requests: To choose from.
        num_clients: Requests under way at a time.
        window_s: The load ends by itself so long after as many answers as clients, and the block waits for
            that [s]; without it the load ends with the block.
        patience_s: Of a client [s].
        numbered: Whether requests get a frame number each.

    Raises:
        RuntimeError: If Locust fails.
    """
    with TemporaryDirectory() as folder:
        sent, outcomes = Path(folder, "requests.json"), Path(folder, "outcomes.jsonl")
        sent.write_text(json.dumps(requests))
        command = [
            *(sys.executable, "-m", "locust", "-f", _LOCUSTFILE, "--headless", "--only-summary"),
            *("--host", base_url, "-u", num_clients, "-r", num_clients, "--exit-code-on-error", 0),
            *("--stop-timeout", math.ceil(patience_s), "--patience-s", patience_s),
            *("--requests", sent, "--outcomes", outcomes, *(["--numbered"] if numbered else [])),
            *([] if window_s is None else ["--window-s", window_s]),
        ]
        pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        with subprocess.Popen(list(map(str, command)), **pipes) as process:
            load = Load(process, outcomes)
            try:
                yield load
                if window_s is None:
                    process.send_signal(signal.SIGTERM)
                log, _ = process.communicate()
            finally:
                process.kill()
        if process.returncode:
            raise RuntimeError(f"locust ended with status {process.returncode}: {log.decode()[-2000:]}")
        load.outcomes = pd.read_json(outcomes, lines=True, dtype={"instance_id": str})


def percentiles_ms(durations_s: pd.Series[float]) -> dict[str, float]:
    """Median and 99th percentile [ms]."""
    median, tail = 1e3 * durations_s.quantile([0.5, 0.99])
    return {"p50_ms": round(median, 1), "p99_ms": round(tail, 1)}


def count_statuses(outcomes: pd.DataFrame) -> dict[str, int]:
    """Requests by status; 0 where no answer came."""
    return {str(status): int(number) for status, number in outcomes.status.value_counts().items()}


def audit(outcomes: pd.DataFrame, client: Client) -> dict[str, int]:
    """Hold the acknowledged instances against the report store.

    A request that was tried again may have got another identifier, so that an identifier alone cannot show
    that it was counted twice; the frame number, which each request has for itself, does.

    Returns:
        num_acknowledged: requests answered with 200; num_missing: of these, those whose instance is not in
        exactly one row that says it was answered; num_twice: frame numbers with several such rows.
    """
    rows = pd.DataFrame(client.report("instances", limit=_MAX_ROWS))
    answered = rows[rows.status == "OK"]
    acknowledged = outcomes[outcomes.status == 200]
    num_rows = acknowledged.instance_id.map(answered.instance_id.value_counts()).fillna(0)
    by_number = answered.frame_number[answered.frame_number.isin(outcomes.frame_number)].value_counts()
    return {
        "num_acknowledged": len(acknowledged),
        "num_missing": int((num_rows != 1).sum()),
        "num_twice": int((by_number > 1).sum()),
    }
