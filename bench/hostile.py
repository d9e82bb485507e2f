"""Inputs that no client of good will sends: no service may crash, fail inside, or grow without bound."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pandas as pd

from bench import hostile_grpc
from bench.load import NO_ANSWER, Goal, fields_of
from bench.long_run import memory_mib
from protos.semcom.v1 import channel_service_pb2, receiver_pb2
from semcom.demo import load_samples
from semcom.stack import Stack
from systems.registry import DEFAULT_SYSTEM

_BAD = {"500", str(NO_ANSWER), "INTERNAL", "UNKNOWN", "UNAVAILABLE"}
_GROWTH_MIB = 512.0
"""Growth of a process over all hostile inputs that still counts as bounded [MiB]."""
_PATIENCE_S = 30.0
_SEED = 2
_CONFIG = Path(__file__).with_name("schemathesis.toml")
# The endless stream of frames.
_ENDLESS = "/frames$"


def measure_hostile(num_inputs: int, weights: Path, folder: Path) -> dict[str, Any]:
    """Everything of this part, as it is stored.

    Args:
        num_inputs: Media and messages to be sent, a third of each kind; schemathesis sends as many requests
            to each operation as that is hundreds.
        weights: Folder with a folder of weights a system.
        folder: Where inputs that are findings are kept.
    """
    with Stack.start(weights=weights, free_ports=True) as stack:
        before = memory_mib(stack)
        attacks = []
        for name, rows in _attacks(stack, num_inputs):
            attacks.append({**_summarise(name, rows, folder), "memory_mib": memory_mib(stack)})
        for service in stack.services:
            service.check_running()
    total = sum(row["num_inputs"] for row in attacks)
    figures = {"num_inputs": total, "attacks": attacks, "memory_before_mib": before}
    return {**figures, "goals": list(_judge(figures))}


def _attacks(stack: Stack, num_inputs: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    num_each, num_examples = max(1, num_inputs // 3), max(2, num_inputs // 100)
    with stack.client() as client:
        frames = [
            {"task": task, "system": system["name"], "fingerprint": system["fingerprint"]}
            for system in client.systems()
            for task in system["tasks"]
        ]
    yield "spoiled media", _send_media(stack.base_url, num_each)
    ports = {channel_service_pb2: stack.ports.channel_grpc, receiver_pb2: stack.ports.receiver_grpc}
    for module, port in ports.items():
        for service in module.DESCRIPTOR.services_by_name.values():
            sent = hostile_grpc.attack(service, f"127.0.0.1:{port}", num_each, frames, _SEED)
            yield f"messages to {service.name}", asyncio.run(sent)
    for name, url in {"transmitter": stack.base_url, "channel_service": stack.channel_url}.items():
        yield f"schema of the {name}", _run_schemathesis(url, num_examples)


def _run_schemathesis(url: str, num_examples: int) -> list[dict[str, Any]]:
    """Requests that a service's OpenAPI leads to, and that break it, one by one and in sequences."""
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.har")
        command = [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file", _CONFIG, "run"),
            *(f"{url}/openapi.json", "--checks", "not_a_server_error", "--mode", "all", "--seed", _SEED),
            *("--max-examples", num_examples, "--exclude-path-regex", _ENDLESS, "--continue-on-failure"),
            *("--request-timeout", _PATIENCE_S, "--report-har-path", report),
            *("--suppress-health-check", "all", "--generation-database", "none", "--no-shrink"),
        ]
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, env={**os.environ, "NO_PROXY": "*"}
        )
        if done.returncode not in (0, 1) or not report.exists():
            raise RuntimeError(f"schemathesis ended with status {done.returncode}: {done.stdout[-2000:]}")
        entries = json.loads(report.read_text())["log"]["entries"]
    return [
        {
            "status": str(entry["response"]["status"]),
            "duration_s": entry["time"] / 1e3,
            "what": f"{entry['request']['method']} {entry['request']['url']}",
            "content": json.dumps(entry["request"]).encode(),
        }
        for entry in entries
    ]


def _send_media(base_url: str, num_inputs: int) -> list[dict[str, Any]]:
    """Samples of every task, one modality of each with spoiled bytes."""
    rng, samples = random.Random(_SEED), load_samples()
    inputs = []
    for _ in range(num_inputs):
        sample = rng.choice(samples)
        fields = fields_of(sample)
        modality = rng.choice(list(fields))
        spoiled = hostile_grpc.spoil_bytes(fields[modality][1], rng)
        # With a name, so that the bytes travel as they are even where the task takes a text alone.
        inputs.append((sample.task, modality, fields | {modality: (fields[modality][0] or "text", spoiled)}))

    def send(task: str, modality: str, fields: dict[str, tuple[str | None, bytes]]) -> dict[str, Any]:
        started, query = time.monotonic(), {"task": task, "system": DEFAULT_SYSTEM}
        try:
            status = http.post("/transmit", params=query, files=fields).status_code
        except httpx.HTTPError:
            status = NO_ANSWER
        row = {"status": str(status), "duration_s": time.monotonic() - started}
        return {**row, "what": f"{task}: {modality}", "content": fields[modality][1]}

    with (
        httpx.Client(base_url=base_url, timeout=_PATIENCE_S, trust_env=False) as http,
        ThreadPoolExecutor(4) as pool,
    ):
        return list(pool.map(lambda given: send(*given), inputs))


def _summarise(name: str, rows: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Statuses of a kind of inputs; those that are findings are kept as files."""
    sent = pd.DataFrame(rows)
    found = sent[sent.status.isin(_BAD)]
    findings = []
    for row in found.head(50).itertuples():
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{hashlib.sha256(row.content).hexdigest()[:16]}.bin"
        path.write_bytes(row.content)
        findings.append({"status": row.status, "what": row.what, "file": path.name})
    return {
        "name": name,
        "num_inputs": len(sent),
        "statuses": {str(status): int(count) for status, count in sent.status.value_counts().items()},
        "num_findings": len(found),
        "findings": findings,
        "longest_s": round(float(sent.duration_s.max()), 2),
    }


def _judge(figures: dict[str, Any]) -> Iterator[Goal]:
    """Findings, and memory over all inputs."""
    found = [f"{row['name']}: {row['num_findings']}" for row in figures["attacks"] if row["num_findings"]]
    otherwise = f"none in {figures['num_inputs']} inputs"
    yield ("no crash, no 500, no INTERNAL", "; ".join(found) or otherwise, not found)
    before, after = figures["memory_before_mib"], figures["attacks"][-1]["memory_mib"]
    growth = {name: after[name] - before[name] for name in before}
    yield (
        f"no process grows by more than {_GROWTH_MIB:g} MiB",
        "; ".join(f"{name} {mib:+.0f} MiB" for name, mib in growth.items()),
        max(growth.values()) <= _GROWTH_MIB,
    )
