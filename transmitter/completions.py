"""Tells the report store the times that only the transmitter measures, after the answers have gone out."""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context

import grpc.aio

from protos.semcom.v1 import channel_service_pb2
from shared.runtime.rpc_errors import from_rpc_error
from transmitter.instances import Latency
from transmitter.relaying import CHANNEL_SERVICE, ChannelStub

_TIMEOUT_S = 10.0
# The channel service takes 4096 in one call.
_MAX_IN_CALL = 1024
_LOG = logging.getLogger(__name__)


class Completions:
    """What gathers during a call goes with the next one.

    Args:
        stub: Client of the channel service.
        address: Where the stub calls, "host:port", for messages.
    """

    def __init__(self, stub: ChannelStub, address: str) -> None:
        self._stub, self._address = stub, address
        self._waiting: list[channel_service_pb2.InstanceTimings] = []
        self._sending: asyncio.Task[None] | None = None

    def add(self, instance_id: str, latency: Latency) -> None:
        """Send the times of an instance soon; nobody waits for it."""
        timings = channel_service_pb2.InstanceTimings(
            instance_id=instance_id,
            uplink_ms=latency.uplink,
            total_ms=latency.total,
        )
        self._waiting.append(timings)
        if self._sending is None or self._sending.done():
            # It sends for many requests, so its log lines are not those of the request that comes first.
            self._sending = asyncio.create_task(self._send_all(), context=Context())

    async def close(self) -> None:
        """Wait until all are sent."""
        if self._sending:
            await self._sending

    async def _send_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MAX_IN_CALL], self._waiting[_MAX_IN_CALL:]
            request = channel_service_pb2.CompleteInstancesRequest(instances=batch)
            try:
                await self._stub.CompleteInstances(request, timeout=_TIMEOUT_S)
            except grpc.aio.AioRpcError as rpc_error:
                # The answers have gone out; only the report's uplink and total lack these instances.
                error = from_rpc_error(rpc_error, CHANNEL_SERVICE, self._address, _TIMEOUT_S)
                ids = [timings.instance_id for timings in batch]
                fields = {"instance_ids": ids, "error": error.message}
                _LOG.warning("instances not completed", extra={"fields": fields})
