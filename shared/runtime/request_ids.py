"""The id that ties together everything that is done for one request, in all services.

client ──traceparent or X-Request-Id──▶ HTTP edge ──Frame.request_id──▶ channel service ──▶ receiver
                                        gRPC edge: the same names in the metadata

`shared.runtime.logs` writes the bound ids into every line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from protos.semcom.v1 import frame_pb2
from shared.errors import InvalidField
from shared.identifiers import new_uuid

HEADER = "x-request-id"
_TRACE_HEADER = "traceparent"
_MAX_BOUND = 64
_ALLOWED = re.compile(r"[!-~]{1,64}")
_ALLOWED_IN_WORDS = "1 to 64 printable ASCII characters without spaces"
# W3C Trace Context: version, trace-id, parent-id, flags; all zeros and version ff are invalid.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)
_BOUND: ContextVar[tuple[str, ...]] = ContextVar("request_ids", default=())


def find_or_make(get: Callable[[str], str | bytes | None]) -> str:
    """The id that a caller gave, or a new one; one that is not allowed counts as absent.

    Args:
        get: The value of a header or of a metadata key, by its name in lower case.

    Returns:
        The trace-id of `traceparent`, else `x-request-id`, else 32 random hexadecimal digits.
    """
    if traced := _TRACEPARENT.fullmatch(str(get(_TRACE_HEADER) or "")):
        return traced[1]
    given = str(get(HEADER) or "")
    return given if _ALLOWED.fullmatch(given) else new_uuid().hex


def check_request_id(request_id: str) -> None:
    """Check the id that a frame carries; it may carry none.

    Raises:
        InvalidField: If it is too long or has other characters.
    """
    if request_id and not _ALLOWED.fullmatch(request_id):
        raise InvalidField("request_id", request_id, _ALLOWED_IN_WORDS)


def bind(request_ids: Iterable[str]) -> None:
    """State what this task works for; with no id at all, what was bound before stays.

    Args:
        request_ids: Those that are empty or not allowed, and all after the 64th, are left out.
    """
    if known := tuple(dict.fromkeys(filter(_ALLOWED.fullmatch, request_ids)))[:_MAX_BOUND]:
        _BOUND.set(known)


def bind_those_of(frames: Iterable[frame_pb2.Frame]) -> None:
    """Bind the ids that frames carry; where none carries one, they take the one that is bound.

    Args:
        frames: Whose ids were checked; changed in place.
    """
    carried = list(frames)
    if any(frame.request_id for frame in carried):
        bind(frame.request_id for frame in carried)
        return
    for frame in carried:
        frame.request_id = current()


def current() -> str:
    """The id of the request that this task works for; empty outside of requests."""
    bound = _BOUND.get()
    return bound[0] if bound else ""


def log_fields() -> dict[str, Any]:
    """For a log line: `request_id`, or `request_ids` where the work is for several requests."""
    bound = _BOUND.get()
    if not bound:
        return {}
    return {"request_id": bound[0]} if len(bound) == 1 else {"request_ids": list(bound)}
