"""Proxies that the environment names: no call among our own services goes to one."""

import asyncio

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from shared.runtime.access import OPEN
from shared.runtime.grpc_runtime import CHANNEL_OPTIONS, bind, build_server, running

NAME = "semcom.v1.ChannelService"


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "grpc_proxy"])
def test_grpc_calls_among_services_go_past_a_proxy(variable, monkeypatch):
    for name in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "http://127.0.0.1:9")

    async def check():
        server, checks = build_server((NAME,))
        port = bind(server, "127.0.0.1", 0, OPEN, "PORT")
        async with (
            running(server, checks, (NAME,), 1),
            OPEN.open_channel(f"127.0.0.1:{port}", CHANNEL_OPTIONS) as channel,
        ):
            request = health_pb2.HealthCheckRequest(service=NAME)
            return await health_pb2_grpc.HealthStub(channel).Check(request, timeout=5)

    assert asyncio.run(check()).status == health_pb2.HealthCheckResponse.SERVING
