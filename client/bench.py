"""How fast the channel service passes frames, beside a bare gRPC echo and plain NumPy in the same run.

Run with `make bench` or `python -m client.bench`; `--json FILE` keeps the figures.

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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import grpc
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from protos.semcom.v1 import channel_service_pb2, channel_service_pb2_grpc, frame_pb2
from semcom.errors import ClientError
from semcom.stack import Ports
from shared.provenance import cpu_name, current_commit
from shared.runtime.grpc_runtime import CHANNEL_OPTIONS
from shared.wire import pack_symbols
from systems.registry import DEFAULT_SYSTEM

NUM_SYMBOLS = (16, 1_600, 160_000)
NUM_CLIENTS = (1, 8, 64)
NUM_FRAMES_A_BATCH = 64
_NUM_SLICES = 4
_SLICE_S = 0.3
_NUMPY_S = 0.2
_START_TIMEOUT_S = 60.0
_SNR_DB = 12.0
# Clients of one process would share a connection; real ones do not.
_OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)

_Stub = channel_service_pb2_grpc.ChannelServiceStub
_Send = Callable[[_Stub, channel_service_pb2.PropagateRequest], Awaitable[int]]


@dataclass
class Tally:
    """What clients saw of one server.

    Attributes:
        durations_ms: Of every request [ms].
        num_frames: Answered.
        elapsed_s: Time they took in all [s].
    """

    durations_ms: list[float] = field(default_factory=list)
    num_frames: int = 0
    elapsed_s: float = 0.0

    @property
    def frames_per_s(self) -> float:
        """Frames answered a second."""
        return self.num_frames / self.elapsed_s

    def quantile_ms(self, quantile: float) -> float:
        """Of a request's duration, exact [ms]."""
        return float(np.quantile(self.durations_ms, quantile))


@dataclass(frozen=True)
class Cell:
    """One size of frame and number of clients.

    Attributes:
        num_symbols: Complex symbols a frame.
        num_clients: Each with a connection of its own, one request at a time.
        numpy_frames_per_s: h x + n alone.
        echo_frames_per_s: Bare gRPC echo.
        echo_p50_ms: Median duration of its requests [ms].
        channel_frames_per_s: Propagate.
        channel_symbols_per_s: The same in symbols.
        channel_p50_ms: Median duration of its requests [ms].
        channel_p99_ms: 99th percentile of the same [ms].
        p50_ratio: channel_p50_ms over echo_p50_ms.
    """

    num_symbols: int
    num_clients: int
    numpy_frames_per_s: float
    echo_frames_per_s: float
    echo_p50_ms: float
    channel_frames_per_s: float
    channel_symbols_per_s: float
    channel_p50_ms: float
    channel_p99_ms: float
    p50_ratio: float


@dataclass(frozen=True)
class Way:
    """One way to send many frames over one connection.

    Attributes:
        name: single | stream | batch.
        num_symbols: Complex symbols a frame.
        frames_per_s: Of the channel service.
    """

    name: str
    num_symbols: int
    frames_per_s: float


def numpy_frames_per_s(num_symbols: int) -> float:
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


async def measure_cell(echo: str, channel: str, num_symbols: int, num_clients: int) -> Cell:
    """Have clients send to both servers by turns.

    Args:
        echo: Its "host:port".
        channel: The channel service's.
        num_symbols: Complex symbols a frame.
        num_clients: Concurrent ones.
    """
    request = _request(num_symbols, num_frames=1)
    async with _clients(echo, num_clients) as to_echo, _clients(channel, num_clients) as to_channel:
        tallies = (Tally(), Tally())
        for _ in range(_NUM_SLICES):
            for stubs, tally in zip((to_echo, to_channel), tallies, strict=True):
                await _fill_slice(stubs, request, _send_one, tally)
    of_echo, of_channel = tallies
    return Cell(
        num_symbols=num_symbols,
        num_clients=num_clients,
        numpy_frames_per_s=numpy_frames_per_s(num_symbols),
        echo_frames_per_s=of_echo.frames_per_s,
        echo_p50_ms=of_echo.quantile_ms(0.5),
        channel_frames_per_s=of_channel.frames_per_s,
        channel_symbols_per_s=of_channel.frames_per_s * num_symbols,
        channel_p50_ms=of_channel.quantile_ms(0.5),
        channel_p99_ms=of_channel.quantile_ms(0.99),
        p50_ratio=of_channel.quantile_ms(0.5) / of_echo.quantile_ms(0.5),
    )


async def measure_ways(channel: str, num_symbols: int) -> list[Way]:
    """Frames a second of one client that sends them one by one, as a stream, and in batches."""
    ways = []
    async with _clients(channel, 1) as stubs:
        for name, (send, num_frames) in _WAYS.items():
            tally = Tally()
            for _ in range(_NUM_SLICES):
                await _fill_slice(stubs, _request(num_symbols, num_frames), send, tally)
            ways.append(Way(name, num_symbols, tally.frames_per_s))
    return ways


async def _fill_slice(
    stubs: list[_Stub], request: channel_service_pb2.PropagateRequest, send: _Send, tally: Tally
) -> None:
    started = time.perf_counter()
    end = started + _SLICE_S

    async def keep_sending(stub: _Stub) -> None:
        while (sent := time.perf_counter()) < end:
            num_frames = await send(stub, request)
            tally.num_frames += num_frames
            tally.durations_ms.append(1e3 * (time.perf_counter() - sent))

    await asyncio.gather(*map(keep_sending, stubs))
    tally.elapsed_s += time.perf_counter() - started


async def _send_one(stub: _Stub, request: channel_service_pb2.PropagateRequest) -> int:
    await stub.Propagate(request)
    return len(request.frames)


async def _send_stream(stub: _Stub, request: channel_service_pb2.PropagateRequest) -> int:
    requests = [request] * NUM_FRAMES_A_BATCH
    return len([response async for response in stub.PropagateStream(requests)])


_WAYS: dict[str, tuple[_Send, int]] = {
    "single": (_send_one, 1),
    "stream": (_send_stream, 1),
    "batch": (_send_one, NUM_FRAMES_A_BATCH),
}


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


def _request(num_symbols: int, num_frames: int) -> channel_service_pb2.PropagateRequest:
    symbols = pack_symbols(_unit_symbols(num_symbols))
    frames = [
        frame_pb2.Frame(
            instance_id=str(number), task="vqa", system=DEFAULT_SYSTEM, fingerprint="0" * 16, symbols=symbols
        )
        for number in range(num_frames)
    ]
    return channel_service_pb2.PropagateRequest(frames=frames)


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
        for arguments in (["client.bench_echo", echo], ["channel_service"]):
            command = [sys.executable, "-m", *arguments]
            process = subprocess.Popen(command, env={**os.environ, **variables}, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield echo, channel


async def _run(console: Console) -> tuple[list[Cell], list[Way]]:
    with _servers() as (echo, channel), console.status("starting") as status:
        async with _clients(channel, 1) as (stub,):
            settings = channel_service_pb2.LinkSettings(channel="rayleigh", snr_db=_SNR_DB)
            link = channel_service_pb2.Link(settings=settings)
            await stub.SetLink(channel_service_pb2.SetLinkRequest(link=link))
        cells = []
        for num_symbols in NUM_SYMBOLS:
            for num_clients in NUM_CLIENTS:
                status.update(f"{num_symbols:,} symbols, {num_clients} clients")
                cells.append(await measure_cell(echo, channel, num_symbols, num_clients))
        status.update("streams and batches")
        ways = [way for num_symbols in NUM_SYMBOLS[:2] for way in await measure_ways(channel, num_symbols)]
    return cells, ways


def cell_table(cells: list[Cell]) -> Table:
    """The figures of every size and number of clients."""
    table = Table(title="Channel service beside a bare gRPC echo and plain NumPy")
    heads = (
        "symbols\na frame", "clients", "NumPy\nframes/s", "echo\nframes/s", "channel\nframes/s",
        "channel\nsymbols/s", "echo\np50 ms", "channel\np50 ms", "channel\np99 ms", "p50\nratio",
    )  # fmt: skip
    for head in heads:
        table.add_column(head, justify="right")
    for cell in cells:
        if cell.num_clients == NUM_CLIENTS[0]:
            table.add_section()
        rates = (cell.numpy_frames_per_s, cell.echo_frames_per_s, cell.channel_frames_per_s)
        times = (cell.echo_p50_ms, cell.channel_p50_ms, cell.channel_p99_ms)
        table.add_row(
            f"{cell.num_symbols:,}",
            str(cell.num_clients),
            *(f"{rate:,.0f}" for rate in (*rates, cell.channel_symbols_per_s)),
            *(f"{duration_ms:,.2f}" for duration_ms in times),
            f"{cell.p50_ratio:.2f}",
        )
    return table


def way_table(ways: list[Way]) -> Table:
    """What one client gains by a stream, and by batches."""
    table = Table(
        title=f"One client: frames one by one, {NUM_FRAMES_A_BATCH} a stream, {NUM_FRAMES_A_BATCH} a batch"
    )
    for head in ("symbols a frame", *_WAYS):
        table.add_column(head, justify="right")
    for num_symbols in dict.fromkeys(way.num_symbols for way in ways):
        rates = [way.frames_per_s for way in ways if way.num_symbols == num_symbols]
        table.add_row(f"{num_symbols:,}", *(f"{rate:,.0f} frames/s" for rate in rates))
    return table


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Measure the channel service beside a bare gRPC echo and plain NumPy."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    try:
        cells, ways = asyncio.run(_run(console))
    except (TimeoutError, grpc.aio.AioRpcError) as error:
        raise ClientError(f"a server of the benchmark does not answer: {error}") from error
    console.print(cell_table(cells), way_table(ways))
    if json_file is not None:
        machine = {"python": platform.python_version(), "num_cpus": os.cpu_count(), "cpu": cpu_name()}
        figures: dict[str, Any] = {"commit": current_commit(), "machine": machine}
        figures |= {"cells": [asdict(cell) for cell in cells], "ways": [asdict(way) for way in ways]}
        json_file.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
