"""What the page needs of the channel service: the transmitter forwards it, so the browser calls one service.

browser ──GET /channel/links──▶ transmitter ──GET /links──▶ channel_service

The caller's own access token goes along, so nobody reaches more through the transmitter than directly.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

import anyio
import httpx
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from shared.errors import DeadlineExceeded, ServiceUnavailable, TooLarge
from shared.runtime.access import OPEN, Access

PREFIX = "/channel"
FORWARDED = (
    ("GET", "/link-settings"),
    ("GET", "/links"),
    ("GET", "/links/{name}"),
    ("PATCH", "/links/{name}"),
    ("DELETE", "/links/{name}"),
    ("GET", "/links/{name}/changes"),
    ("GET", "/reports/overhead"),
    ("GET", "/reports/paper"),
    ("GET", "/reports/latency"),
    ("GET", "/reports/instances"),
    ("GET", "/frames"),
)
"""Method and path of the channel service's routes that the page uses; nothing else is forwarded."""

MAX_BODY_BYTES = 1 << 20
_TIMEOUT_S = 30.0
_SERVICE = "channel_service"
_CLOSED = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
_REQUEST_HEADERS = ("authorization", "content-type", "accept")
_RESPONSE_HEADERS = ("content-type", "www-authenticate", "cache-control", "x-accel-buffering", "retry-after")


class ChannelForwarder:
    """Forwards requests to the HTTP side of the channel service.

    Args:
        url: Address of the channel service's HTTP side, such as http://127.0.0.1:8001.
        access: How services check one another.
        transport: The HTTP client's transport; the network where absent.
    """

    def __init__(
        self, url: str, access: Access = OPEN, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url
        verify: Any = ssl.create_default_context(cafile=access.authority) if access.authority else True
        self._http = httpx.AsyncClient(
            base_url=url, timeout=_TIMEOUT_S, trust_env=False, verify=verify, transport=transport
        )
        self._closed = asyncio.Event()

    async def close(self) -> None:
        """End the streams that are open, and the connections. Call it before the HTTP server stops."""
        self._closed.set()
        await asyncio.sleep(0)  # lets the streams see it before their connections go
        await self._http.aclose()

    async def forward(self, request: Request, path: str) -> Response:
        """Send a request on and stream back what comes.

        Args:
            request: As it came from the browser.
            path: At the channel service.

        Raises:
            TooLarge: If the body is larger than MAX_BODY_BYTES.
            ServiceUnavailable: If the channel service cannot be reached.
            DeadlineExceeded: If it does not begin to answer in time.
        """
        sent = self._http.build_request(
            request.method,
            path,
            params=str(request.query_params),
            content=await _read_body(request),
            headers={name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers},
        )
        # A live view may be silent for hours.
        sent.extensions["timeout"] = {
            **sent.extensions["timeout"],
            "read": None if path == "/frames" else _TIMEOUT_S,
        }
        try:
            answer = await self._send(sent)
        except httpx.TimeoutException:
            raise DeadlineExceeded(_SERVICE, _TIMEOUT_S) from None
        except (httpx.TransportError, httpx.InvalidURL):
            raise ServiceUnavailable(_SERVICE, self._url) from None
        headers = {name: answer.headers[name] for name in _RESPONSE_HEADERS if name in answer.headers}
        return StreamingResponse(self._chunks(answer), answer.status_code, headers)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and again where the connection had just been closed; each may be repeated."""
        try:
            return await self._http.send(request, stream=True)
        except _CLOSED:
            return await self._http.send(request, stream=True)

    async def _chunks(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        """The body until its end, until the channel service goes away, or until this service stops."""
        closing = asyncio.ensure_future(self._closed.wait())
        chunks = answer.aiter_bytes()
        futures: list[asyncio.Future[Any]] = [closing]
        try:
            while True:
                reading = asyncio.ensure_future(anext(chunks, None))
                futures = [closing, reading]
                await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
                chunk = None if closing.done() else reading.result()
                if chunk is None:
                    return
                yield chunk
        except httpx.TransportError:
            return
        finally:
            # The browser may have gone, which cancels whatever waits here.
            with anyio.CancelScope(shield=True):
                for future in futures:
                    future.cancel()
                await asyncio.gather(*futures, return_exceptions=True)
                await answer.aclose()


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge("body", f"more than {MAX_BODY_BYTES} bytes", f"at most {MAX_BODY_BYTES} bytes")
    return bytes(body)


def forwarded_routes(forwarder: ChannelForwarder) -> APIRouter:
    """A route below /channel for each row of FORWARDED; the channel service documents what they mean."""
    router = APIRouter(prefix=PREFIX, include_in_schema=False)
    for method, path in FORWARDED:
        router.add_api_route(path, _forwarding(forwarder, path), methods=[method], name=f"{method} {path}")
    return router


def _forwarding(forwarder: ChannelForwarder, path: str) -> Callable[[Request], Awaitable[Response]]:
    async def forward(request: Request) -> Response:
        names = {key: quote(value, safe="") for key, value in request.path_params.items()}
        return await forwarder.forward(request, path.format(**names))

    return forward
