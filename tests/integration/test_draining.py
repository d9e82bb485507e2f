"""A service that is told to stop: not ready first, then what is at work ends, then the servers close."""

import asyncio
import contextlib

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from http_harness import http_server
from prometheus_client import CollectorRegistry

from protos.semcom.v1 import receiver_pb2, receiver_pb2_grpc
from shared.runtime.grpc_runtime import build_server, running
from shared.runtime.http_runtime import build_app

NAME = "semcom.v1.ReceiverService"
HealthStatus = health_pb2.HealthCheckResponse


class Slow(receiver_pb2_grpc.ReceiverServiceServicer):
    """Answers once it is let go."""

    def __init__(self):
        self.entered, self.let_go = asyncio.Event(), asyncio.Event()

    async def wait(self):
        self.entered.set()
        await self.let_go.wait()

    async def Decode(self, request, context):
        await self.wait()
        return receiver_pb2.DecodeResponse()


def serving(slow, stop, *, timeout_s):
    """The HTTP side with one slow route: the task that serves, and a client."""

    async def ready():
        return None

    app = build_app("slow", "slow", ready=ready, registry=CollectorRegistry())
    app.add_api_route("/slow", slow.wait)
    return http_server(app, stop, timeout_s=timeout_s)


async def not_ready(client):
    """The answer of /readyz once it is not 200."""
    while (answer := await client.get("/readyz")).status_code == 200:
        await asyncio.sleep(0.01)
    return answer


async def test_http_is_not_ready_while_a_request_at_work_ends():
    slow, stop = Slow(), asyncio.Event()
    async with serving(slow, stop, timeout_s=20) as (task, client):
        assert (await client.get("/readyz")).status_code == 200
        at_work = asyncio.create_task(client.get("/slow"))
        await slow.entered.wait()
        stop.set()
        answer = await asyncio.wait_for(not_ready(client), 5)
        assert (answer.status_code, answer.json()["error"]["type"]) == (503, "Stopping")
        assert (await client.get("/slow")).json()["error"]["type"] == "Stopping"
        assert (await client.get("/healthz")).status_code == 200
        assert not task.done()
        slow.let_go.set()
        assert (await at_work).status_code == 200
        await asyncio.wait_for(task, 5)


async def test_a_request_that_does_not_end_is_given_up_in_time():
    slow, stop = Slow(), asyncio.Event()
    async with serving(slow, stop, timeout_s=0.2) as (task, client):
        at_work = asyncio.create_task(client.get("/slow"))
        await slow.entered.wait()
        stop.set()
        await asyncio.wait_for(task, 5)
        with contextlib.suppress(httpx.TransportError):
            assert (await at_work).status_code == 500


async def test_grpc_health_says_so_first_and_a_call_at_work_ends():
    slow = Slow()
    server, checks = build_server((NAME,))
    receiver_pb2_grpc.add_ReceiverServiceServicer_to_server(slow, server)
    port = server.add_insecure_port("127.0.0.1:0")
    async with (
        running(server, checks, (NAME,), 20) as stop,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub = receiver_pb2_grpc.ReceiverServiceStub(channel)
        seen = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=NAME))
        assert (await seen.read()).status == HealthStatus.SERVING
        at_work = asyncio.ensure_future(stub.Decode(receiver_pb2.DecodeRequest()))
        await slow.entered.wait()
        stopping = asyncio.create_task(stop())
        assert (await asyncio.wait_for(seen.read(), 5)).status == HealthStatus.NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Decode(receiver_pb2.DecodeRequest(), timeout=2)
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
        assert not stopping.done()
        slow.let_go.set()
        assert await at_work == receiver_pb2.DecodeResponse()
        seen.cancel()
        await asyncio.wait_for(stopping, 5)
