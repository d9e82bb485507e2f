"""Every error semcom raises on purpose, with its gRPC and HTTP status.

SemcomError                  INTERNAL              500
├── InvalidField             INVALID_ARGUMENT      422   a value out of its range
│   ├── UnknownName          NOT_FOUND             404   no such task, system, link
│   ├── UnsupportedMedia     INVALID_ARGUMENT      415   a file that is no image, sound or clip we read
│   ├── TooLarge             RESOURCE_EXHAUSTED    413
│   └── TooMany              RESOURCE_EXHAUSTED    429   more at a time than there is room for
├── Unauthenticated          UNAUTHENTICATED       401   the access token is missing or another one
├── TaskNotTrained           FAILED_PRECONDITION   503   these weights do not serve the task
├── NoWeights                FAILED_PRECONDITION   503   a service runs without any weights
├── WeightsMismatch          FAILED_PRECONDITION   409   the two ends hold different weights
├── FrameLost                DATA_LOSS             502   the link's network lost it: no answer
├── Stopping                 UNAVAILABLE           503   this service takes no new requests
├── ClientLeft               CANCELLED             499   the client did not wait for the answer
├── ServiceUnavailable       UNAVAILABLE           503   a service is down; safe to retry
└── DeadlineExceeded         DEADLINE_EXCEEDED     504

A message names the field, its value and what is allowed. Statuses are names and numbers: no transport is
imported here. `shared.runtime.rpc_errors` carries errors between services.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

_MAX_SHOWN_CHARS = 80
_MAX_SHOWN_NUMBERS = 8
_MAX_KEPT_NUMBERS = 64  # they travel in a gRPC trailer, which holds some 8 KB


class SemcomError(Exception):
    """Base of all errors raised on purpose."""

    grpc_status: ClassVar[str] = "INTERNAL"
    http_status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def to_dict(self) -> dict[str, Any]:
        """Fields of the error as it is shown to clients."""
        return {"type": type(self).__name__, **vars(self)}


class InvalidField(SemcomError):
    """A field holds a value that is not allowed."""

    grpc_status = "INVALID_ARGUMENT"
    http_status = 422

    def __init__(self, field: str, value: object, allowed: str) -> None:
        shown = str(value)
        if len(shown) > _MAX_SHOWN_CHARS:
            shown = shown[:_MAX_SHOWN_CHARS] + "…"
        super().__init__(f"{field} = {shown!r} is not allowed; allowed: {allowed}")
        self.field, self.value, self.allowed = field, shown, allowed


class UnknownName(InvalidField):
    """A name that nothing here bears."""

    grpc_status = "NOT_FOUND"
    http_status = 404


class UnsupportedMedia(InvalidField):
    """Bytes that do not decode as the modality they were sent for."""

    http_status = 415


class TooLarge(InvalidField):
    """More bytes, frames or symbols than the limit."""

    grpc_status = "RESOURCE_EXHAUSTED"
    http_status = 413


class TooMany(InvalidField):
    """More at a time than there is room for; there may be later."""

    grpc_status = "RESOURCE_EXHAUSTED"
    http_status = 429


class Unauthenticated(SemcomError):
    """A caller without the access token that the service asks for. The message never shows a token."""

    grpc_status = "UNAUTHENTICATED"
    http_status = 401

    def __init__(self) -> None:
        super().__init__(
            "authorization is missing or wrong; allowed: the header 'Authorization: Bearer TOKEN' with the "
            "service's access token, which semcom and its Python client take from SEMCOM_ACCESS_TOKEN"
        )
        self.field = "authorization"


class TaskNotTrained(SemcomError):
    """The weights at hand do not serve the task."""

    grpc_status = "FAILED_PRECONDITION"
    http_status = 503

    def __init__(self, task: str, system: str, trained: list[str]) -> None:
        super().__init__(
            f"task {task!r} has no trained weights in system {system!r} "
            f"(trained: {', '.join(trained) or 'none'}); "
            f"train it with: semcom train --system {system} --tasks {task}"
        )
        self.task, self.system, self.trained = task, system, trained


class NoWeights(SemcomError):
    """A service that runs, but was started on a folder without weights."""

    grpc_status = "FAILED_PRECONDITION"
    http_status = 503

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"no weights in {folder!r}: set SEMCOM_WEIGHTS to a folder that holds some, or run semcom train"
        )
        self.folder = folder


class WeightsMismatch(SemcomError):
    """A frame was made with other weights than the receiver holds."""

    grpc_status = "FAILED_PRECONDITION"
    http_status = 409

    def __init__(self, sent: str, held: str) -> None:
        super().__init__(
            f"the frame's fingerprint {sent!r} is not that of the weights held here, {held!r}; "
            "give both ends the same weights, and restart the one that was started with others"
        )
        self.sent, self.held = sent, held


class FrameLost(SemcomError):
    """A link's network lost what was sent; the same frames would be lost again."""

    grpc_status = "DATA_LOSS"
    http_status = 502

    def __init__(self, link: str, frame_numbers: list[int]) -> None:
        shown = ", ".join(map(str, frame_numbers[:_MAX_SHOWN_NUMBERS]))
        more = ", …" if len(frame_numbers) > _MAX_SHOWN_NUMBERS else ""
        super().__init__(
            f"link {link!r} lost frame {shown}{more} on its network (network_loss_rate); "
            "send it under another frame_number"
        )
        self.link, self.frame_numbers = link, frame_numbers[:_MAX_KEPT_NUMBERS]


class ClientLeft(SemcomError):
    """The client closed the connection before the answer; nobody reads this, it is counted and logged."""

    grpc_status = "CANCELLED"
    http_status = 499

    def __init__(self) -> None:
        super().__init__("the client closed the connection before the answer")


class Stopping(SemcomError):
    """A request came after the service was told to stop."""

    grpc_status = "UNAVAILABLE"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("the service is stopping and takes no new requests; try again")


class ServiceUnavailable(SemcomError):
    """A service cannot be reached, or cannot do its work now; `reason` says which."""

    grpc_status = "UNAVAILABLE"
    http_status = 503

    def __init__(self, service: str, address: str, reason: str = "cannot be reached; is it running?") -> None:
        super().__init__(f"{service} at {address} {reason}")
        self.service, self.address = service, address


class DeadlineExceeded(SemcomError):
    """A service did not answer in time."""

    grpc_status = "DEADLINE_EXCEEDED"
    http_status = 504

    def __init__(self, service: str, timeout_s: float) -> None:
        super().__init__(f"{service} did not answer within {timeout_s:g} s")
        self.service, self.timeout_s = service, timeout_s


def _with_subclasses(cls: type[SemcomError]) -> Iterator[type[SemcomError]]:
    yield cls
    for subclass in cls.__subclasses__():
        yield from _with_subclasses(subclass)


_BY_NAME = {cls.__name__: cls for cls in _with_subclasses(SemcomError)}


def from_dict(fields: Mapping[str, Any]) -> SemcomError:
    """Rebuild an error from what `to_dict` made of it; of a class that is not known here, its base."""
    cls = _BY_NAME.get(fields.get("type", ""), SemcomError)
    rebuilt = cls.__new__(cls)
    Exception.__init__(rebuilt, fields.get("message", ""))
    vars(rebuilt).update((name, value) for name, value in fields.items() if name != "type")
    return rebuilt
