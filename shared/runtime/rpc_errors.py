"""Errors between services: JSON in the gRPC trailer `semcom-error`, which keeps the receiver's own words."""

from __future__ import annotations

import json
from typing import Any

import grpc

from shared.errors import DeadlineExceeded, SemcomError, ServiceUnavailable, TooLarge, from_dict

TRAILER = "semcom-error"


def status_code(error: SemcomError) -> grpc.StatusCode:
    """The gRPC status of an error's class."""
    return grpc.StatusCode[error.grpc_status]


def to_trailer(error: SemcomError) -> tuple[tuple[str, str], ...]:
    """Trailing metadata that carries `error` to the caller."""
    return ((TRAILER, json.dumps(error.to_dict())),)


def from_rpc_error(error: grpc.aio.AioRpcError, service: str, address: str, timeout_s: float) -> SemcomError:
    """Rebuild what the called service raised.

    Args:
        error: As raised by the stub.
        service: Name of the called service, for messages.
        address: Where it was called, "host:port".
        timeout_s: Deadline of the call [s].
    """
    trailers: dict[str, Any] = dict(error.trailing_metadata() or ())  # type: ignore[arg-type]
    if TRAILER in trailers:
        return from_dict(json.loads(trailers[TRAILER]))
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):  # down, or on its way there
        return ServiceUnavailable(service, address)
    if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(service, timeout_s)
    if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
        return TooLarge("message", f"to {service}", error.details() or "a smaller request")
    return SemcomError(f"{service} failed: {error.code().name}")
