"""A gRPC call that is tried again where it did not reach its service, within the time of its caller."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from typing import Any

import grpc.aio

from shared.errors import DeadlineExceeded, ServiceUnavailable
from shared.runtime.rpc_errors import from_rpc_error

# Together, even with the smallest jitter, longer than the pause between two connections; see `grpc_runtime`.
_PAUSES_BETWEEN_TRIES_S = (0.1, 0.3)
# Callers that failed together do not come back together.
_JITTER = (0.75, 1.25)


async def call(
    rpc: Any,
    request: Any,
    *,
    service: str,
    address: str,
    deadline: float,
    longest_s: float = math.inf,
    before_next: Callable[[], None] = lambda: None,
) -> Any:
    """The response to a call. Only one that ends UNAVAILABLE is tried again, two times at most.

    Where no time is left for a further try, the failure of the last one is raised.

    Args:
        rpc: Method of a stub.
        request: Its message.
        service: Name of the called service, for messages. What that service says of another one that is
            away is not tried again here.
        address: Where it is called, "host:port", for messages.
        deadline: Time of the event loop until which all tries must have ended [s].
        longest_s: Longest time of one try [s].
        before_next: Called before each further try.

    Raises:
        SemcomError: What the service raised.
        ServiceUnavailable: If it was not reached.
        DeadlineExceeded: If there is no response in time.
    """
    for pause_s in _PAUSES_BETWEEN_TRIES_S:
        try:
            return await _call_once(rpc, request, service, address, deadline, longest_s)
        except ServiceUnavailable as error:
            pause_s *= random.uniform(*_JITTER)
            if error.service != service or deadline - asyncio.get_running_loop().time() <= pause_s:
                raise
        await asyncio.sleep(pause_s)
        before_next()
    return await _call_once(rpc, request, service, address, deadline, longest_s)


async def _call_once(
    rpc: Any, request: Any, service: str, address: str, deadline: float, longest_s: float
) -> Any:
    timeout_s = min(longest_s, deadline - asyncio.get_running_loop().time())
    if timeout_s <= 0:
        raise DeadlineExceeded(service, 0.0)
    try:
        return await rpc(request, timeout=timeout_s)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error, service, address, round(timeout_s, 1)) from error
