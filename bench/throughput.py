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
    SHARES,
    Goal,
    Request,
    count_statuses,
    fields_of,
    make_request,
    percentiles_ms,
    requests_of,
    running_load,
    samples_of,
)
from semcom.stack import Ports, Stack
from shared.errors import ServiceUnavailable
from shared.runtime.cores import count_cores
from systems.registry import DEFAULT_SYSTEM

_CLIENTS, _GOAL_CLIENTS = (1, 8, 32, 128), 32
_ONE_CLIENT_MARGIN_MS = 5.0
_START_TIMEOUT_S = 180.0


def measure_throughput(window_s: float, weights: Path) -> dict[str, Any]:
    """Everything of this part, as it is stored.

    Args:
        window_s: How long a number of clients, and a batch size in one process, is measured [s].
        weights: Folder with a folder of weights a system.
    """
    in_process = [
        json.loads(line)
        for threads in sorted({1, count_cores()})
        for line in _start(weights, threads, ",".join(SHARES), str(window_s)).communicate()[0].splitlines()
    ]
    rates = pd.DataFrame(in_process)
    threads = int(rates[rates.batch == rates.batch.max()].groupby("threads").instances_per_s.sum().idxmax())
    with Stack.start(weights=weights, free_ports=True) as stack:
        services = [
            _measure_cell(stack.base_url, task, requests_of(DEFAULT_SYSTEM, task), num_clients, window_s)
            for task, num_clients in product(SHARES, _CLIENTS)
        ]
    with _litserve(weights, threads) as url:
        litserve = [
            _measure_cell(url, task, _litserve_requests(task), num_clients, window_s)
            for task, num_clients in product(SHARES, (1, _GOAL_CLIENTS))
        ]
    figures = {"window_s": window_s, "in_process": in_process, "services": services, "litserve": litserve}
    return {**figures, "litserve_threads": threads, "goals": list(_judge(figures))}


def _measure_cell(
    url: str, task: str, requests: Sequence[Request], num_clients: int, window_s: float
) -> dict[str, Any]:
    """A server under load of one task, once every client may have had an answer."""
    with running_load(url, requests, num_clients, window_s=window_s, numbered=False) as load:
        pass
    ended_s = load.outcomes.started_s + load.outcomes.duration_s
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


def _start(weights: Path, threads: int, *what: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.one_process", DEFAULT_SYSTEM, str(weights), str(threads), *what]
    # The number of threads in the environment would go before ours.
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, start_new_session=True)


def _litserve_requests(task: str) -> list[Request]:
    requests = []
    for sample in samples_of(task):
        inputs = {name: base64.b64encode(data).decode() for name, (_, data) in fields_of(sample).items()}
        content = {"task": task, "inputs": inputs}
        requests.append(make_request(task, httpx.Request("POST", "http://localhost/predict", json=content)))
    return requests


@contextmanager
def _litserve(weights: Path, threads: int) -> Iterator[str]:
    """LitServe on a free port, ended with all its processes: its address."""
    port = Ports.free().transmitter_http
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + _START_TIMEOUT_S
    with _start(weights, threads, str(port)) as process:
        try:
            while not _is_healthy(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ServiceUnavailable("litserve", url)
                time.sleep(0.2)
            yield url
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _is_healthy(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{url}/health", trust_env=False).is_success
    return False


def _judge(figures: dict[str, Any]) -> Iterator[Goal]:
    """Share of the in-process rate, LitServe, and what one client waits for."""
    services, litserve = (
        pd.DataFrame(figures[name]).set_index(["task", "num_clients"]) for name in ("services", "litserve")
    )
    best = pd.DataFrame(figures["in_process"]).groupby(["task", "batch"])
    rates, batches_ms = best.instances_per_s.max(), best.batch_ms.min()
    for task, least in SHARES.items():
        ours, rival = (table.requests_per_s[task, _GOAL_CLIENTS] for table in (services, litserve))
        batched, clients = rates[task].iloc[-1], f"{task}, {_GOAL_CLIENTS} clients"
        yield (
            f"{clients}: at least {least:g} of the in-process batched rate",
            f"{ours / batched:.2f} ({ours:.1f} of {batched:.1f} a second)",
            bool(ours >= least * batched),
        )
        yield f"{clients}: ahead of LitServe", f"{ours:.1f} against {rival:.1f} a second", bool(ours > rival)
        median_ms, model_ms = services.p50_ms[task, 1], batches_ms[task].iloc[0]
        yield (
            f"{task}, one client: median at most model time + {_ONE_CLIENT_MARGIN_MS:g} ms",
            f"{median_ms:.1f} ms, model {model_ms:.1f} ms",
            bool(median_ms <= model_ms + _ONE_CLIENT_MARGIN_MS),
        )
