"""The benchmark's books: every request counted once, rates and ratios of what was counted."""

import asyncio
import subprocess
import sys

import grpc
import pytest

from client import bench
from protos.semcom.v1 import channel_service_pb2_grpc
from semcom.stack import Ports


class CountingStub:
    def __init__(self) -> None:
        self.num_frames = 0

    async def Propagate(self, request):
        await asyncio.sleep(0.001)
        self.num_frames += len(request.frames)


def test_every_frame_of_concurrent_clients_is_counted_once(monkeypatch):
    monkeypatch.setattr(bench, "_SLICE_S", 0.05)
    stub, tally = CountingStub(), bench.Tally()
    request = bench._request(num_symbols=16, num_frames=3)
    for _ in range(2):
        asyncio.run(bench._fill_slice([stub] * 8, request, bench._send_one, tally))
    assert tally.num_frames == stub.num_frames == 3 * len(tally.durations_ms)
    assert tally.elapsed_s >= 0.1
    assert tally.frames_per_s == pytest.approx(stub.num_frames / tally.elapsed_s)


def test_quantiles_are_of_all_requests():
    tally = bench.Tally(durations_ms=[float(n) for n in range(101)], num_frames=101, elapsed_s=2.0)
    assert (tally.quantile_ms(0.5), tally.quantile_ms(0.99), tally.frames_per_s) == (50, 99, 50.5)


def test_the_echo_sends_back_what_it_got():
    address = f"127.0.0.1:{Ports.free().channel_grpc}"
    request = bench._request(num_symbols=1600, num_frames=2)
    with subprocess.Popen([sys.executable, "-m", "client.bench_echo", address]) as echo:
        try:
            with grpc.insecure_channel(address) as channel:
                grpc.channel_ready_future(channel).result(30)
                stub = channel_service_pb2_grpc.ChannelServiceStub(channel)
                response = stub.Propagate(request, timeout=10)
        finally:
            echo.kill()
    assert response.SerializeToString() == request.SerializeToString()


def test_tables_show_every_cell_and_the_ratio():
    cells = [bench.Cell(16, clients, 5e4, 1200, 0.8, 900, 14_400, 1.0, 2.0, 1.25) for clients in (1, 8)]
    ways = [bench.Way(name, 16, rate) for name, rate in (("single", 900), ("stream", 2000), ("batch", 5000))]
    console = bench.Console(width=140)
    with console.capture() as shown:
        console.print(bench.cell_table(cells), bench.way_table(ways))
    assert shown.get().count("1.25") == 2
    for figure in ("14,400", "2,000 frames/s", "5,000 frames/s"):
        assert figure in shown.get()
