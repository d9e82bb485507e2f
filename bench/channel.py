"""How fast the channel service passes frames, beside a bare gRPC echo and plain NumPy in the same run.

Run with `make bench` or `python -m bench.channel`; `--json FILE` keeps the figures.

    NumPy     h x + n with h and n drawn anew for every frame, in this process: no network, no checks
    echo      the same requests to a bare grpc.aio server in a process of its own, which sends them back
    channel   Propagate of the channel service in a process of its own, on a link of Rayleigh block fading

Echo and channel take turns in short slices, so that whatever else the machine does hits both alike. Clients
and servers share its cores: figures of two machines do not compare, the ratio does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import chain, product
from pathlib import Path
from typing import Annotated, Any

import grpc
import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from protos.semcom.v1 import channel_service_pb2, channel_service_pb2_grpc, frame_pb2
from semcom.stack import Ports
from shared.provenance import cpu_name, current_commit
from shared.runtime.grpc_runtime import CHANNEL_OPTIONS
from shared.wire import pack_symbols
from systems.registry import DEFAULT_SYSTEM

NUM_SYMBOLS, NUM_CLIENTS = (16, 1_600, 160_000), (1, 8, 64)
NUM_FRAMES_A_BATCH = 64
_NUM_SLICES, _SLICE_S, _NUMPY_S, _START_TIMEOUT_S = 4, 0.3, 0.2, 60.0
_SNR_DB = 12.0
# Clients of one process would share a connection; real ones do not.
_OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)

_Request = channel_service_pb2.PropagateRequest
_Stub = channel_service_pb2_grpc.ChannelServiceStub
_Send = Callable[[_Stub, _Request], Awaitable[None]]


def _numpy_frames_per_s(num_symbols: int) -> float:
    """Frames a second of y = h x + n in plain NumPy, Rayleigh block fading, h and n drawn for each."""
    rng, x = np.random.default_rng(0), _unit_symbols(num_symbols)
    deviation = np.float32(np.sqrt(0.5 * 10 ** (-_SNR_DB / 10)))
    started, num_frames = time.perf_counter(), 0
    while (elapsed_s := time.perf_counter() - started) < _NUMPY_S:
        h = complex(*rng.standard_normal(2)) * np.sqrt(0.5)
        n = rng.standard_normal((1, 2 * num_symbols), dtype=np.float32).view(np.complex64)
        np.complex64(h) * x + deviation * n
        num_frames += 1
    return num_frames / elapsed_s


async def _measure_cell(echo: str, channel: str, num_symbols: int, num_clients: int) -> dict[str, float]:
    """Clients, each with a connection of its own and one request at a time, send to both by turns."""
    request = _request(num_symbols, num_frames=1)
    cell: dict[str, float] = {"num_symbols": num_symbols, "num_clients": num_clients}
    cell["numpy_frames_per_s"] = _numpy_frames_per_s(num_symbols)
    async with _clients(echo, num_clients) as to_echo, _clients(channel, num_clients) as to_channel:
        turns = [
            [await _send_for_a_slice(stubs, request, _send_one) for stubs in (to_echo, to_channel)]
            for _ in range(_NUM_SLICES)
        ]
    for name, slices in zip(("echo", "channel"), zip(*turns, strict=True), strict=True):
        durations_ms = list(chain(*(own for _, own in slices)))
        p50_ms, p99_ms = np.quantile(durations_ms, (0.5, 0.99)).tolist()
        rate = float(np.mean([rate for rate, _ in slices]))
        cell |= {f"{name}_frames_per_s": rate, f"{name}_p50_ms": p50_ms, f"{name}_p99_ms": p99_ms}
    cell["channel_symbols_per_s"] = cell["channel_frames_per_s"] * num_symbols
    return {**cell, "p50_ratio": cell["channel_p50_ms"] / cell["echo_p50_ms"]}


async def _measure_ways(channel: str, num_symbols: int) -> list[dict[str, Any]]:
    """Frames a second of one client that sends them one by one, as a stream, and in batches."""
    ways = []
    async with _clients(channel, 1) as stubs:
        for name, (send, num_frames, num_messages) in _WAYS.items():
            request = _request(num_symbols, num_frames)
            rates = [(await _send_for_a_slice(stubs, request, send))[0] for _ in range(_NUM_SLICES)]
            rate = float(np.mean(rates)) * num_frames * num_messages
            ways.append({"name": name, "num_symbols": num_symbols, "frames_per_s": rate})
    return ways


async def _send_for_a_slice(stubs: list[_Stub], request: _Request, send: _Send) -> tuple[float, list[float]]:
    """Calls a second of all clients together, and the duration of each [ms]."""
    started, durations_ms = time.perf_counter(), []

    async def keep_sending(stub: _Stub) -> None:
        while (sent := time.perf_counter()) < started + _SLICE_S:
            await send(stub, request)
            durations_ms.append(1e3 * (time.perf_counter() - sent))

    await asyncio.gather(*map(keep_sending, stubs))
    return len(durations_ms) / (time.perf_counter() - started), durations_ms


async def _send_one(stub: _Stub, request: _Request) -> None:
    await stub.Propagate(request)


async def _send_stream(stub: _Stub, request: _Request) -> None:
    async for _ in stub.PropagateStream([request] * NUM_FRAMES_A_BATCH):
        pass


_WAYS: dict[str, tuple[_Send, int, int]] = {
    "single": (_send_one, 1, 1),
    "stream": (_send_stream, 1, NUM_FRAMES_A_BATCH),
    "batch": (_send_one, NUM_FRAMES_A_BATCH, 1),
}
"""How a client sends: frames in a message, and messages in a call."""


@contextlib.asynccontextmanager
async def _clients(address: str, num_clients: int) -> AsyncIterator[list[_Stub]]:
    """Stubs with a connection each, opened and used once."""
    async with contextlib.AsyncExitStack() as stack:
        stubs = []
        for _ in range(num_clients):
            options = [*CHANNEL_OPTIONS, _OWN_CONNECTION]
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(address, options=options))
            await asyncio.wait_for(channel.channel_ready(), _START_TIMEOUT_S)
            stubs.append(_Stub(channel))
        await asyncio.gather(*(stub.Propagate(_request(16, num_frames=1)) for stub in stubs))
        yield stubs


def _request(num_symbols: int, num_frames: int) -> _Request:
    symbols = pack_symbols(_unit_symbols(num_symbols))
    same: dict[str, Any] = {
        "task": "vqa",
        "system": DEFAULT_SYSTEM,
        "fingerprint": "0" * 16,
        "symbols": symbols,
    }
    frames = [frame_pb2.Frame(instance_id=str(number), **same) for number in range(num_frames)]
    return _Request(frames=frames)


def _unit_symbols(num_symbols: int) -> NDArray[np.complex64]:
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (1, num_symbols))
    x: NDArray[np.complex64] = np.exp(1j * phases).astype(np.complex64)
    return x


@contextlib.contextmanager
def _servers() -> Iterator[tuple[str, str]]:
    """Echo and channel service as processes; their addresses."""
    ports = Ports.free()
    echo, channel = f"127.0.0.1:{ports.receiver_grpc}", f"127.0.0.1:{ports.channel_grpc}"
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        variables = {
            "SEMCOM_CHANNEL_GRPC_PORT": str(ports.channel_grpc),
            "SEMCOM_CHANNEL_HTTP_PORT": str(ports.channel_http),
            "SEMCOM_CHANNEL_STORE": str(Path(folder) / "bench.sqlite3"),
        }
        log = stack.enter_context(Path(folder, "log").open("wb"))
        for arguments in (["bench.echo", echo], ["channel_service"]):
            command = [sys.executable, "-m", *arguments]
            process = subprocess.Popen(command, env={**os.environ, **variables}, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield echo, channel


async def _measure() -> dict[str, Any]:
    with _servers() as (echo, channel):
        async with _clients(channel, 1) as (stub,):
            settings = channel_service_pb2.LinkSettings(channel="rayleigh", snr_db=_SNR_DB)
            link = channel_service_pb2.Link(settings=settings)
            await stub.SetLink(channel_service_pb2.SetLinkRequest(link=link))
        cells = [await _measure_cell(echo, channel, *size) for size in product(NUM_SYMBOLS, NUM_CLIENTS)]
        ways = [way for num_symbols in NUM_SYMBOLS[:2] for way in await _measure_ways(channel, num_symbols)]
    machine = {"python": platform.python_version(), "num_cpus": os.cpu_count(), "cpu": cpu_name()}
    return {"commit": current_commit(), "machine": machine, "cells": cells, "ways": ways}


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Measure the channel service beside a bare gRPC echo and plain NumPy."""
    figures = asyncio.run(_measure())
    pd.set_option("display.width", 200, "display.max_columns", None, "display.float_format", "{:,.4g}".format)
    print(pd.DataFrame(figures["cells"]).to_string(index=False))
    print(f"\nOne client: frames one by one, {NUM_FRAMES_A_BATCH} a stream, {NUM_FRAMES_A_BATCH} a batch")
    print(pd.DataFrame(figures["ways"]).to_string(index=False))
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
