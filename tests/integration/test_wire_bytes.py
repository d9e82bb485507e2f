"""Bytes on the wire: the stored values are those of a proxy that counts bytes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import grpc
import pytest
from channel_harness import channel_service, make_frame, unit_symbols

from channel_service.reports.queries import InstanceQuery
from protos.semcom.v1 import channel_service_pb2 as pb
from protos.semcom.v1 import channel_service_pb2_grpc
from shared.runtime.grpc_runtime import CHANNEL_OPTIONS

_DATA = 0
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD_BYTES = 9


def http2_frames(stream: bytes) -> Iterator[tuple[int, int]]:
    """Type and length, with the header, of every HTTP/2 frame that a client sent on one connection."""
    assert stream.startswith(_PREFACE)
    position = len(_PREFACE)
    while position + _HEAD_BYTES <= len(stream):
        length = int.from_bytes(stream[position : position + 3], "big") + _HEAD_BYTES
        yield stream[position + 3], length
        position += length
    assert position == len(stream)


def data_bytes(stream: bytes) -> int:
    return sum(length for kind, length in http2_frames(stream) if kind == _DATA)


async def relay(stub, sizes: list[list[int]]) -> None:
    """Send one request for each list, with one frame for each of its sizes."""
    for number, symbols in enumerate(sizes):
        frames = [make_frame(f"{number}-{i}", unit_symbols((1, size))) for i, size in enumerate(symbols)]
        await stub.Relay(pb.RelayRequest(link="default", frames=frames))


def stated_bytes(harness) -> int:
    return sum(row["wire_bytes"] for row in harness.store.instances(InstanceQuery()))


REQUESTS = [[16], [16] * 7, [1], [1600], [16, 1600, 16]]


@dataclass
class Proxy:
    """A TCP proxy that stores the bytes that a client sends."""

    port: int = 0
    sent: bytearray = field(default_factory=bytearray)

    @contextlib.asynccontextmanager
    async def running(self, target: int) -> AsyncIterator["Proxy"]:
        async def serve(reader, writer):
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", target)
            pumps = [self._pump(reader, upstream_writer, self.sent), self._pump(upstream_reader, writer)]
            await asyncio.gather(*pumps)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _pump(self, reader, writer, stored: bytearray | None = None) -> None:
        while part := await reader.read(1 << 16):
            if stored is not None:
                stored += part
            writer.write(part)
            await writer.drain()
        writer.close()


@pytest.mark.parametrize(("requests", "tolerance"), [(REQUESTS, 0), ([[160_000]], 0.001)])
async def test_the_stored_bytes_are_those_that_a_proxy_counts(tmp_path, requests, tolerance):
    """Exact if a request fits into one HTTP/2 frame; gRPC chooses how a larger request is cut."""
    async with channel_service(tmp_path) as harness, Proxy().running(harness.port) as proxy:
        address = f"127.0.0.1:{proxy.port}"
        async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
            await relay(channel_service_pb2_grpc.ChannelServiceStub(channel), requests)
            counted = data_bytes(bytes(proxy.sent))
        assert stated_bytes(harness) == pytest.approx(counted, rel=tolerance, abs=0)
        await asyncio.sleep(0.05)
