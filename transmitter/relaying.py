"""Sends frames to the channel service: what waits for the same link and task goes in one Relay."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, Protocol

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2_grpc

from protos.semcom.v1 import channel_service_pb2, channel_service_pb2_grpc, frame_pb2
from shared.errors import FrameLost, InvalidField, SemcomError, TooMany
from shared.runtime import request_ids
from shared.runtime.batching import BatchQueue, QueueMetrics
from shared.runtime.retrying import call

CHANNEL_SERVICE = "channel_service"
# A frame of more bytes gains nothing by company, and many of them would not fit into one message.
_MAX_BYTES_IN_COMPANY = 1 << 16


class ChannelStub(Protocol):
    """What is called of the channel service."""

    Relay: Any
    GetLink: Any
    CompleteInstances: Any
    Check: Any


class GrpcChannelStub(channel_service_pb2_grpc.ChannelServiceStub):
    """The channel service and its health check over one gRPC channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(channel)  # type: ignore[no-untyped-call]
        self.Check = health_pb2_grpc.HealthStub(channel).Check
        get_link = self.GetLink

        async def get_link_for_request(request: Any, timeout: float) -> Any:
            metadata = ((request_ids.HEADER, request_ids.current()),)
            return await get_link(request, timeout=timeout, metadata=metadata)

        # Of the calls made for one request alone, only this one carries no frame.
        self.GetLink = get_link_for_request


class FrameToRelay(NamedTuple):
    """One frame to relay.

    Attributes:
        link: Named link.
        overrides: Link settings for this frame only.
        frame: What is sent.
        deadline: Time of the event loop after which nobody waits for the answer [s].
    """

    link: str
    overrides: channel_service_pb2.LinkSettings
    frame: frame_pb2.Frame
    deadline: float

    @property
    def key(self) -> Hashable:
        """Frames of one key share a request: they take one link, and the receiver treats them alike."""
        frame = self.frame
        alone = frame.instance_id if frame.ByteSize() > _MAX_BYTES_IN_COMPANY else ""
        overrides = self.overrides.SerializeToString(deterministic=True)
        return self.link, overrides, frame.system, frame.task, alone


class Relayed(NamedTuple):
    """What came back for a frame.

    Attributes:
        result: Answer and cost of the frame.
        timings: Times of the request that carried it.
    """

    result: channel_service_pb2.InstanceResult
    timings: channel_service_pb2.HopTimings


class Relay:
    """A bounded queue before the channel service.

    Args:
        stub: Client of the channel service.
        address: Where the stub calls, "host:port", for messages.
        max_batch: Frames in one request.
        max_calls: Requests at a time.
        max_waiting: Frames that may wait; further ones are refused.
        metrics: Told of every request.
    """

    def __init__(
        self,
        stub: ChannelStub,
        address: str,
        *,
        max_batch: int,
        max_calls: int,
        max_waiting: int,
        metrics: QueueMetrics,
    ) -> None:
        self._stub, self._address = stub, address
        self._queue: BatchQueue[FrameToRelay, Relayed] = BatchQueue(
            self._send_together_or_each,
            name="frames to send",
            capacity=max_waiting,
            max_batch=max_batch,
            workers=max_calls,
            metrics=metrics,
            drops_abandoned=True,
        )

    async def send(self, entry: FrameToRelay) -> Relayed:
        """Send one frame through its link; cancelled while it waits, it is not sent.

        Raises:
            SemcomError: What the channel service or the receiver raised; FrameLost if the network lost it.
            TooMany: If too many frames wait.
            ServiceUnavailable: If the channel service or the receiver is down.
            DeadlineExceeded: If there is no answer at its deadline.
        """
        return await self._queue.submit(entry.key, entry)

    async def close(self) -> None:
        """Wait until nothing is on its way."""
        await self._queue.close()

    async def _send_together_or_each(self, entries: list[FrameToRelay]) -> Sequence[Relayed | Exception]:
        """Send frames in one request; where one is refused, each alone, so that its error is its own."""
        try:
            return _results(await self._send(entries))
        except FrameLost as error:
            return [FrameLost(error.link, [number]) for number in error.frame_numbers]
        except TooMany:
            raise
        except InvalidField as error:
            if len(entries) == 1:
                return [error]
        return await asyncio.gather(*[self._send_alone(entry) for entry in entries])

    async def _send_alone(self, entry: FrameToRelay) -> Relayed | Exception:
        try:
            (result,) = _results(await self._send([entry], resent=True))
        except SemcomError as error:
            return error
        return result

    async def _send(
        self, entries: Sequence[FrameToRelay], *, resent: bool = False
    ) -> channel_service_pb2.RelayResponse:
        """Relay, and again where the channel service was not reached."""
        request = channel_service_pb2.RelayRequest(
            link=entries[0].link,
            overrides=entries[0].overrides,
            frames=[entry.frame for entry in entries],
            resent=resent,
        )

        def take_the_place_of_the_first() -> None:
            # It may have been stored before the connection broke.
            request.resent = True

        response: channel_service_pb2.RelayResponse = await call(
            self._stub.Relay,
            request,
            service=CHANNEL_SERVICE,
            address=self._address,
            deadline=max(entry.deadline for entry in entries),
            before_next=take_the_place_of_the_first,
        )
        return response


def _results(response: channel_service_pb2.RelayResponse) -> list[Relayed | Exception]:
    return [
        FrameLost(result.state.link, [result.state.frame_number])
        if result.state.lost
        else Relayed(result, response.timings)
        for result in response.results
    ]
