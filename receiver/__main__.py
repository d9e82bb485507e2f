"""`python -m receiver`."""

from __future__ import annotations

import asyncio
import logging
import sys

import torch
from prometheus_client import CollectorRegistry

from protos.semcom.v1 import receiver_pb2_grpc
from receiver.api import build_api
from receiver.service import SERVICE_NAME, ReceiverMetrics, ReceiverService
from shared.errors import SemcomError
from shared.runtime.access import open_access
from shared.runtime.cores import count_cores
from shared.runtime.grpc_runtime import (
    bind,
    build_server,
    running,
    serve_http,
    stop_on_signals,
)
from shared.runtime.logs import configure_logging, log_event
from shared.runtime.settings import ReceiverSettings, load_settings
from systems.loading import load_receivers, warm_up_later

_LOG = logging.getLogger("receiver")


async def serve(settings: ReceiverSettings, stop: asyncio.Event) -> None:
    """Run the service until `stop` is set.

    Raises:
        InvalidField: If there are weights, but they cannot be loaded, the gRPC port cannot be had, or the
            access settings leave the service open to a network.
    """
    access = open_access(settings)
    systems = load_receivers(settings.weights)
    registry = CollectorRegistry()
    service = ReceiverService(
        systems,
        ReceiverMetrics(registry),
        max_batch=settings.receiver_max_batch,
        max_waiting=settings.receiver_max_waiting,
    )
    server, checks = build_server((SERVICE_NAME,), access)
    receiver_pb2_grpc.add_ReceiverServiceServicer_to_server(service, server)
    grpc_port = bind(server, settings.host, settings.receiver_grpc_port, access, "SEMCOM_RECEIVER_GRPC_PORT")
    app = build_api(systems, settings.weights, registry, access)
    timeout_s = settings.stop_timeout_s
    async with running(server, checks, (SERVICE_NAME,), timeout_s) as stop_grpc:
        log_event(
            _LOG,
            "ready",
            grpc_port=grpc_port,
            http_port=settings.receiver_http_port,
            systems={name: list(system.tasks) for name, system in systems.items()},
        )
        warming = asyncio.create_task(warm_up_later(system.warm_up for system in systems.values()))
        await serve_http(
            app,
            settings.host,
            settings.receiver_http_port,
            stop,
            access,
            beside=stop_grpc,
            timeout_s=timeout_s,
            root_path=settings.root_path,
        )
        warming.cancel()
    service.close()


async def _main(settings: ReceiverSettings) -> int:
    try:
        await serve(settings, stop_on_signals(ends_with_input=settings.ends_with_input))
    except SemcomError as error:
        _LOG.error(error.message)
        return 2
    return 0


def main() -> int:
    """Start with SEMCOM_* settings; the process's exit status."""
    settings = load_settings(ReceiverSettings)
    configure_logging("receiver", settings.log_level)
    torch.set_num_threads(settings.torch_threads or count_cores())
    return asyncio.run(_main(settings))


if __name__ == "__main__":
    sys.exit(main())
