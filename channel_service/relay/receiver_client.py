"""Client of the receiver: sends frames to be decoded and checks that the receiver is serving."""

from __future__ import annotations

import asyncio
import math

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from protos.semcom.v1 import receiver_pb2, receiver_pb2_grpc
from shared.errors import SemcomError, ServiceUnavailable
from shared.runtime.retrying import call

RECEIVER = "receiver"
_RECEIVER_NAME = "semcom.v1.ReceiverService"
_HEALTH_TIMEOUT_S = 2.0


class ReceiverClient:
    """Calls the receiver over gRPC. A call that fails with UNAVAILABLE is tried again, no other one.

    Args:
        channel: gRPC channel to the receiver.
        address: The receiver's "host:port", for error messages.
        timeout_s: Longest time of one call, for callers without a deadline too [s].
    """

    def __init__(self, channel: grpc.aio.Channel, address: str, timeout_s: float) -> None:
        self._stub = receiver_pb2_grpc.ReceiverServiceStub(channel)
        self._health = health_pb2_grpc.HealthStub(channel)
        self._address, self._timeout_s = address, timeout_s

    async def decode(
        self, request: receiver_pb2.DecodeRequest, left_s: float | None = None
    ) -> receiver_pb2.DecodeResponse:
        """Send frames to the receiver and return its answers, one for each frame.

        Args:
            request: The frames.
            left_s: Until the caller's deadline, which bounds all tries [s]; None: it has none.

        Raises:
            SemcomError: If the receiver raised an error, cannot be reached, misses the deadline, or returns
                another number of answers than there are frames.
        """
        now = asyncio.get_running_loop().time()
        response: receiver_pb2.DecodeResponse = await call(
            self._stub.Decode,
            request,
            service=RECEIVER,
            address=self._address,
            deadline=now + (math.inf if left_s is None else left_s),
            longest_s=self._timeout_s,
        )
        if len(response.answers) != len(request.frames):
            raise SemcomError(
                f"{RECEIVER} at {self._address} gave {len(response.answers)} answers to "
                f"{len(request.frames)} frames"
            )
        return response

    async def check_serving(self) -> None:
        """Check that the receiver can be reached and is serving.

        Raises:
            ServiceUnavailable: If the receiver cannot be reached or is not serving.
        """
        request = health_pb2.HealthCheckRequest(service=_RECEIVER_NAME)
        try:
            answer = await self._health.Check(request, timeout=_HEALTH_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise ServiceUnavailable(RECEIVER, self._address) from error
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise ServiceUnavailable(RECEIVER, self._address)
