"""HTTP connections of a service: how long an idle one is kept, and what a slow one may take.

A connection that has nothing to send is kept longer than usual clients and proxies keep it, so that the other
side is the one to close it: a request that crosses with the close would get no answer. One that has begun to
send the head of a request must send all of it soon, and a body may not pause for long.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.errors import InvalidField

KEEP_ALIVE_S = 75
# For the head of a request, and between two pieces of a body.
HEAD_TIMEOUT_S = 10.0
BODY_PAUSE_S = 10.0
_MAX_HEAD_BYTES = 1 << 16
_TOO_SLOW, _TOO_LARGE = b"408 Request Timeout", b"431 Request Header Fields Too Large"


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which closes connections whose head of a request is late or too large."""

    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """A new connection has to send a head, too."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._end_wait()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes before a head is whole."""
        before = self._head_timer
        super().data_received(data)
        if self._head_timer is not None and self._head_timer is before:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """The first byte of a request is there."""
        super().on_message_begin()
        self._await_head()
        self._head_bytes = 1

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._end_wait()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._end_wait()
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._on_late_head)

    def _end_wait(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._head_timer, self._head_bytes = None, 0

    def _on_late_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._await_head()  # the request before it is at work, and its answer comes first
        else:
            self._refuse(_TOO_SLOW)

    def _refuse(self, status: bytes) -> None:
        if self._head_bytes and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
        self._end_wait()
        self.transport.close()


class BodyPauses:
    """Answers 408 where a request's body pauses longer than BODY_PAUSE_S; ends an answer that has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        is_whole, is_answered = scope["type"] != "http", False

        async def receive_in_time() -> Message:
            nonlocal is_whole
            if is_whole:  # what comes now is the end of the connection
                return await receive()
            try:
                async with asyncio.timeout(BODY_PAUSE_S):
                    message = await receive()
            except TimeoutError:
                if is_answered:
                    return {"type": "http.disconnect"}
                # FastAPI, which reads some bodies itself, lets no other error through.
                detail = f"the body paused for {BODY_PAUSE_S:g} s; send it without pauses"
                raise HTTPException(408, detail, {"Connection": "close"}) from None
            is_whole = not message.get("more_body", False)
            return message

        async def noting_answer(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        await self._app(scope, receive_in_time, noting_answer)


def listening_sockets(host: str, port: int) -> list[socket.socket] | None:
    """A socket for every address of IPv6 and IPv4 where `host` is `::`; else None.

    asyncio would let it take IPv6 alone, unlike gRPC.

    Raises:
        InvalidField: If the port cannot be had.
    """
    try:
        is_every_address = ipaddress.IPv6Address(host) == ipaddress.IPv6Address("::")
    except ValueError:
        return None
    if not (is_every_address and socket.has_dualstack_ipv6()):
        return None
    try:
        return [socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True)]
    except OSError as error:
        raise InvalidField("HTTP port", port, f"a free port of {host}") from error
