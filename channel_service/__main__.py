"""Starts the channel service: `python -m channel_service`."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from fastapi.responses import RedirectResponse

from channel_service.http.app import create_app
from channel_service.links.links import Links
from channel_service.radio.channels import MODELS
from channel_service.relay.live import LiveFeed
from channel_service.relay.metrics import Metrics
from channel_service.relay.receiver_client import ReceiverClient
from channel_service.reports.store import Store
from channel_service.service import FULL_NAME, ChannelServicer
from protos.semcom.v1 import channel_service_pb2_grpc
from shared.errors import InvalidField
from shared.runtime.access import open_access
from shared.runtime.grpc_runtime import (
    CHANNEL_OPTIONS,
    bind,
    build_server,
    running,
    serve_http,
    stop_on_signals,
)
from shared.runtime.http_runtime import allow_origins
from shared.runtime.logs import configure_logging, log_event
from shared.runtime.settings import ChannelSettings, load_settings
from systems.registry import SYSTEMS

_LOG = logging.getLogger(__name__)


async def serve(settings: ChannelSettings, stop: asyncio.Event) -> None:
    """Run the service until `stop` is set.

    Args:
        settings: The service's settings.
        stop: Set to stop the service.

    Raises:
        InvalidField: If another distribution's system or channel model is not fit, the report store cannot be
            opened, the gRPC port is not free, or the access settings leave the service open to a network.
    """
    SYSTEMS.check()
    MODELS.check()
    access = open_access(settings)
    links, metrics = Links(Path(settings.channel_recordings)), Metrics()
    store, feed = Store(settings.channel_store, settings.channel_max_rows), LiveFeed(metrics)
    try:
        async with access.open_channel(settings.receiver_address, CHANNEL_OPTIONS) as channel:
            receiver = ReceiverClient(channel, settings.receiver_address, settings.receiver_timeout_s)

            async def ready() -> None:
                await store.check()
                await receiver.check_serving()

            server, checks = build_server((FULL_NAME,), access, store.check)
            servicer = ChannelServicer(
                links, store, receiver, metrics, feed, max_relays=settings.channel_max_requests
            )
            channel_service_pb2_grpc.add_ChannelServiceServicer_to_server(servicer, server)
            grpc_port = bind(
                server, settings.host, settings.channel_grpc_port, access, "SEMCOM_CHANNEL_GRPC_PORT"
            )
            app = create_app(links, store, feed, ready, metrics.registry, access)
            app.add_api_route("/", lambda: RedirectResponse(settings.page_url), include_in_schema=False)
            allow_origins(app, settings.cors_origins)
            timeout_s = settings.stop_timeout_s
            async with running(server, checks, (FULL_NAME,), timeout_s) as stop_grpc:
                ports = {"grpc_port": grpc_port, "http_port": settings.channel_http_port}
                log_event(_LOG, "ready", **ports, receiver=settings.receiver_address)
                closing = asyncio.create_task(_close_feed(feed, stop))
                await serve_http(
                    app,
                    settings.host,
                    settings.channel_http_port,
                    stop,
                    access,
                    beside=stop_grpc,
                    timeout_s=timeout_s,
                    root_path=settings.root_path,
                )
                await closing
    finally:
        store.close()


async def _close_feed(feed: LiveFeed, stop: asyncio.Event) -> None:
    """Close the live view on stop: the HTTP server waits for open responses, and a view has no end."""
    await stop.wait()
    feed.close()


async def _main() -> None:
    settings = load_settings(ChannelSettings)
    configure_logging("channel_service", settings.log_level)
    await serve(settings, stop_on_signals(ends_with_input=settings.ends_with_input))


if __name__ == "__main__":
    try:
        asyncio.run(_main())
    except InvalidField as error:
        print(error.message, file=sys.stderr)
        raise SystemExit(2) from None
