"""`python -m channel_service`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from channel_service.api import create_app
from channel_service.links import Links
from channel_service.metrics import Metrics
from channel_service.reports import Store
from channel_service.service import FULL_NAME, ChannelServicer, ReceiverClient
from protos.semcom.v1 import channel_service_pb2_grpc
from shared.errors import ServiceUnavailable
from shared.grpc_runtime import CHANNEL_OPTIONS, build_server, running, serve_http, stop_on_signals
from shared.logs import configure_logging, log_event
from shared.settings import ChannelSettings, load_settings

_LOG = logging.getLogger(__name__)
_READY_TIMEOUT_S = 2.0


async def serve(settings: ChannelSettings, stop: asyncio.Event) -> None:
    """Run the service until `stop` is set."""
    links, store, metrics = Links(), Store(settings.channel_store), Metrics()
    try:
        async with grpc.aio.insecure_channel(settings.receiver_address, options=CHANNEL_OPTIONS) as channel:
            receiver = ReceiverClient(channel, settings.receiver_address, settings.receiver_timeout_s)
            server, checks = build_server((FULL_NAME,))
            servicer = ChannelServicer(links, store, receiver, metrics)
            channel_service_pb2_grpc.add_ChannelServiceServicer_to_server(servicer, server)
            server.add_insecure_port(f"{settings.host}:{settings.channel_grpc_port}")
            app = create_app(links, store, _readiness(channel, settings.receiver_address), metrics.registry)
            async with running(server, checks, (FULL_NAME,)):
                ports = {"grpc_port": settings.channel_grpc_port, "http_port": settings.channel_http_port}
                log_event(_LOG, "ready", **ports, receiver=settings.receiver_address)
                await serve_http(app, settings.host, settings.channel_http_port, stop)
    finally:
        store.close()


def _readiness(channel: grpc.aio.Channel, address: str) -> Callable[[], Awaitable[None]]:
    health = health_pb2_grpc.HealthStub(channel)

    async def ready() -> None:
        try:
            answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=_READY_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise ServiceUnavailable("receiver", address) from error
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise ServiceUnavailable("receiver", address)

    return ready


async def _main() -> None:
    settings = load_settings(ChannelSettings)
    configure_logging("channel_service", settings.log_level)
    await serve(settings, stop_on_signals())


if __name__ == "__main__":
    asyncio.run(_main())
