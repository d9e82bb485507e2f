"""`python -m transmitter`."""

from __future__ import annotations

import asyncio
import logging
import sys

from shared import scores
from shared.errors import SemcomError
from shared.runtime.access import open_access
from shared.runtime.cores import count_cores
from shared.runtime.grpc_runtime import CHANNEL_OPTIONS, serve_http, stop_on_signals
from shared.runtime.http_runtime import allow_origins
from shared.runtime.logs import configure_logging, log_event
from shared.runtime.settings import TransmitterSettings, load_settings
from systems.loading import load_transmitters, warm_up_later
from transmitter.gateway import build_gateway
from transmitter.page.forwarding import ChannelForwarder, forwarded_routes
from transmitter.relaying import GrpcChannelStub
from transmitter.service import Limits, TransmitterService

_LOG = logging.getLogger("transmitter")


async def serve(settings: TransmitterSettings, stop: asyncio.Event) -> None:
    """Run the service until `stop` is set; requests at work then are answered first.

    Raises:
        InvalidField: If there are weights, but they cannot be loaded, or the access settings leave the
            service open to a network.
    """
    access = open_access(settings)
    systems = load_transmitters(settings.weights)
    async with access.open_channel(settings.channel_address, CHANNEL_OPTIONS) as channel:
        service = TransmitterService(
            systems,
            GrpcChannelStub(channel),
            address=settings.channel_address,
            weights_folder=str(settings.weights),
            limits=Limits(
                max_requests=settings.transmitter_max_requests,
                max_batch=settings.transmitter_max_batch,
                max_calls=settings.transmitter_max_calls,
                num_encoders=settings.transmitter_encoders,
                num_threads=settings.torch_threads or count_cores(),
                timeout_s=settings.request_timeout_s,
            ),
        )
        app = build_gateway(service, max_upload_bytes=settings.max_upload_bytes, access=access)
        forwarder = ChannelForwarder(settings.channel_url, access)
        app.include_router(forwarded_routes(forwarder))
        allow_origins(app, settings.cors_origins)
        log_event(
            _LOG,
            "ready",
            http_port=settings.transmitter_http_port,
            channel_service=settings.channel_address,
            systems={name: list(system.tasks) for name, system in systems.items()},
        )
        steps = [scores.warm_up, *(system.warm_up for system in systems.values())]
        warming = asyncio.create_task(warm_up_later(steps))
        closing = asyncio.create_task(_close_forwarder(forwarder, stop))
        await serve_http(
            app,
            settings.host,
            settings.transmitter_http_port,
            stop,
            access,
            timeout_s=settings.stop_timeout_s,
            root_path=settings.root_path,
        )
        warming.cancel()
        await closing
        await service.close()


async def _close_forwarder(forwarder: ChannelForwarder, stop: asyncio.Event) -> None:
    """Close it on stop: the HTTP server waits for open responses, and a forwarded live view has no end."""
    await stop.wait()
    await forwarder.close()


async def _main(settings: TransmitterSettings) -> int:
    try:
        await serve(settings, stop_on_signals(ends_with_input=settings.ends_with_input))
    except SemcomError as error:
        _LOG.error(error.message)
        return 2
    return 0


def main() -> int:
    """Start with SEMCOM_* settings; the process's exit status."""
    settings = load_settings(TransmitterSettings)
    configure_logging("transmitter", settings.log_level)
    return asyncio.run(_main(settings))


if __name__ == "__main__":
    sys.exit(main())
