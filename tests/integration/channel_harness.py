"""The channel service on a free port, over real gRPC, with a receiver whose answers a test can choose."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import numpy as np
import pytest

from channel_service.links.links import Links
from channel_service.relay.live import LiveFeed
from channel_service.relay.metrics import Metrics
from channel_service.relay.receiver_client import ReceiverClient
from channel_service.reports.store import Store
from channel_service.service import FULL_NAME, ChannelServicer
from protos.semcom.v1 import channel_service_pb2_grpc, frame_pb2, receiver_pb2, receiver_pb2_grpc
from shared.runtime.grpc_runtime import CHANNEL_OPTIONS, build_server, running
from shared.wire import pack_symbols

RECEIVER_NAME = "semcom.v1.ReceiverService"


def answer_all(request: receiver_pb2.DecodeRequest) -> receiver_pb2.DecodeResponse:
    """One answer for each frame."""
    answers = [
        receiver_pb2.Answer(instance_id=received.frame.instance_id, labels=["yes"])
        for received in request.frames
    ]
    return receiver_pb2.DecodeResponse(answers=answers, decode_ms=0.5)


class ChosenReceiver(receiver_pb2_grpc.ReceiverServiceServicer):
    """Stores the requests that it got, and answers with `decode`."""

    def __init__(self) -> None:
        self.decode: Callable = answer_all
        self.got: list[receiver_pb2.DecodeRequest] = []

    async def Decode(self, request, context):
        self.got.append(request)
        answer = self.decode(request)
        return await answer if asyncio.iscoroutine(answer) else answer


@dataclass
class Harness:
    """The parts of the services that a test may use."""

    stub: channel_service_pb2_grpc.ChannelServiceStub
    links: Links
    store: Store
    metrics: Metrics
    feed: LiveFeed
    receiver: ChosenReceiver
    receiver_address: str
    port: int
    stop_receiver: Callable = field(repr=False, default=None)


@asynccontextmanager
async def channel_service(
    folder: Path, *, timeout_s: float = 10.0, max_relays: int = 1024
) -> AsyncIterator[Harness]:
    """Run receiver and channel service, each on a free port."""
    async with AsyncExitStack() as stack, AsyncExitStack() as receiver_stack:
        receiver = ChosenReceiver()
        server, checks = build_server((RECEIVER_NAME,))
        receiver_pb2_grpc.add_ReceiverServiceServicer_to_server(receiver, server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await receiver_stack.enter_async_context(running(server, checks, (RECEIVER_NAME,)))

        store = Store(str(folder / "reports.sqlite3"))
        stack.callback(store.close)
        to_receiver = await stack.enter_async_context(
            grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
        )
        links, metrics = Links(folder / "recordings"), Metrics()
        client = ReceiverClient(to_receiver, address, timeout_s)
        server, checks = build_server((FULL_NAME,))
        feed = LiveFeed(metrics)
        servicer = ChannelServicer(links, store, client, metrics, feed, max_relays=max_relays)
        channel_service_pb2_grpc.add_ChannelServiceServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await stack.enter_async_context(running(server, checks, (FULL_NAME,)))
        channel = await stack.enter_async_context(
            grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)
        )
        stub = channel_service_pb2_grpc.ChannelServiceStub(channel)
        yield Harness(stub, links, store, metrics, feed, receiver, address, port, receiver_stack.aclose)


def unit_symbols(shape: tuple[int, int] = (1, 16), seed: int = 0) -> np.ndarray:
    """Symbols of unit power and any phase."""
    phases = np.random.default_rng(seed).uniform(0, 2 * math.pi, shape)
    return np.exp(1j * phases).astype(np.complex64)


def make_frame(
    instance_id: str, x: np.ndarray | None = None, encoding: str = "float32", **fields
) -> frame_pb2.Frame:
    """A frame as a transmitter would send it."""
    x = unit_symbols() if x is None else x
    defaults = {"task": "vqa", "system": "mfmsc", "fingerprint": "f00d", "source_bytes": 100}
    return frame_pb2.Frame(
        instance_id=instance_id,
        symbols=pack_symbols(x, encoding),
        **{**defaults, "num_source_values": 64, **fields},
    )


async def refusal(call) -> grpc.aio.AioRpcError:
    """The error with which a call fails."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value
