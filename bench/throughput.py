"""Throughput of the three services beside both halves in one process, and beside LitServe.

Every figure of one run is taken on the same cores, one after another; Locust shares them.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from bench.load import (
    BATCHES,
    SHARES,
    Goal,
    Request,
    count_statuses,
    fields_of,
    percentiles_ms,
    requests_of,
    running_load,
    samples_of,
)
from client.stack import Ports, Stack
from shared.cores import count_cores
from shared.errors import ServiceUnavailable
from shared.systems import DEFAULT_SYSTEM

_CLIENTS = (1, 8, 32, 128)
_GOAL_CLIENTS = 32
_ONE_CLIENT_MARGIN_MS = 5.0
_START_TIMEOUT_S = 180.0


def measure_throughput(window_s: float, weights: Path) -> dict[str, Any]:
    """Everything of this part, as it is stored.

    Args:
        window_s: How long a number of clients, and a batch size in one process, is measured [s].
        weights: Folder with a folder of weights a system.
    """
    in_process = [
        row for threads in sorted({1, count_cores()}) for row in _in_process(threads, window_s, weights)
    ]
    batched = pd.DataFrame(in_process).query(f"batch == {max(BATCHES)}")
    threads = int(batched.groupby("threads").instances_per_s.sum().idxmax())
    with Stack.start(weights=weights, free_ports=True) as stack:
        services = [
            _cell(stack.base_url, task, requests_of(DEFAULT_SYSTEM, task), num_clients, window_s)
            for task, num_clients in product(SHARES, _CLIENTS)
        ]
    with _litserve(weights, threads) as url:
        litserve = [
            _cell(url, task, _litserve_requests(task), num_clients, window_s)
            for task, num_clients in product(SHARES, (1, _GOAL_CLIENTS))
        ]
    figures = {"window_s": window_s, "in_process": in_process, "services": services, "litserve": litserve}
    return {**figures, "litserve_threads": threads, "goals": list(_judge(figures))}


def _cell(
    url: str, task: str, requests: Sequence[Request], num_clients: int, window_s: float
) -> dict[str, Any]:
    """A server under load of one task, once every client may have had an answer."""
    with running_load(url, requests, num_clients, window_s=window_s, numbered=False) as load:
        pass
    ended_s = load.outcomes.assign(ended_s=load.outcomes.started_s + load.outcomes.duration_s).ended_s
    opened_s = ended_s.sort_values().iloc[num_clients - 1]
    within = load.outcomes[(ended_s > opened_s) & (ended_s <= opened_s + window_s)]
    # Answers come a batch at a time: up to the end of the window there may be a batch more or less.
    elapsed_s = ended_s[within.index].max() - opened_s
    return {
        "task": task,
        "num_clients": num_clients,
        "num_requests": len(within),
        "requests_per_s": round(int((within.status == 200).sum()) / elapsed_s, 2),
        **percentiles_ms(within.duration_s),
        "statuses": count_statuses(load.outcomes),
    }


def _in_process(threads: int, seconds: float, weights: Path) -> list[dict[str, Any]]:
    tasks = ("--tasks", ",".join(SHARES), "--seconds", str(seconds))
    command = _command("bench.in_process", threads, weights, *tasks)
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=_environment())
    return [json.loads(line) for line in done.stdout.splitlines()]


def _command(module: str, threads: int, weights: Path, *others: str) -> list[str]:
    given = ("--system", DEFAULT_SYSTEM, "--threads", str(threads), "--weights", str(weights))
    return [sys.executable, "-m", module, *given, *others]


def _environment() -> dict[str, str]:
    """The environment without a number of threads that would go before the one we ask for."""
    return {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}


def _litserve_requests(task: str) -> list[Request]:
    requests = []
    for sample in samples_of(task):
        inputs = {name: base64.b64encode(data).decode() for name, (_, data) in fields_of(sample).items()}
        body = base64.b64encode(json.dumps({"task": task, "inputs": inputs}).encode()).decode()
        headers = {"Content-Type": "application/json"}
        requests.append({"name": task, "target": "/predict", "headers": headers, "body": body})
    return requests


@contextmanager
def _litserve(weights: Path, threads: int) -> Iterator[str]:
    """LitServe on a free port, ended with all its processes: its address."""
    port = Ports.free().transmitter_http
    command = _command("bench.litserve_server", threads, weights, "--port", str(port))
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        start_new_session=True,
    ) as process:
        try:
            _wait_for_health(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for_health(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False).is_success:
                return
        time.sleep(0.2)
    raise ServiceUnavailable("litserve", url)


def _judge(figures: dict[str, Any]) -> Iterator[Goal]:
    """Share of the in-process rate, LitServe, and what one client waits for."""
    keys = ["task", "num_clients"]
    services = pd.DataFrame(figures["services"]).set_index(keys)
    litserve = pd.DataFrame(figures["litserve"]).set_index(keys)
    alone = (
        pd.DataFrame(figures["in_process"])
        .groupby(["task", "batch"])
        .agg({"instances_per_s": "max", "batch_ms": "min"})
    )
    for task, least in SHARES.items():
        rate = services.requests_per_s[task, _GOAL_CLIENTS]
        rival, best = litserve.requests_per_s[task, _GOAL_CLIENTS], alone.instances_per_s[task, max(BATCHES)]
        clients = f"{task}, {_GOAL_CLIENTS} clients"
        yield (
            f"{clients}: at least {least:g} of the in-process batched rate",
            f"{rate / best:.2f} ({rate:.1f} of {best:.1f} a second)",
            bool(rate >= least * best),
        )
        yield (
            f"{clients}: ahead of LitServe",
            f"{rate:.1f} against {rival:.1f} a second",
            bool(rate > rival),
        )
        median_ms, model_ms = services.p50_ms[task, 1], alone.batch_ms[task, 1]
        yield (
            f"{task}, one client: median at most model time + {_ONE_CLIENT_MARGIN_MS:g} ms",
            f"{median_ms:.1f} ms, model {model_ms:.1f} ms",
            bool(median_ms <= model_ms + _ONE_CLIENT_MARGIN_MS),
        )
