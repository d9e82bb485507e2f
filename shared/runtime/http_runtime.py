"""The HTTP side every service shares: errors as JSON, health, readiness, metrics, one log line a request.

    app = build_app("semcom receiver", "What it is.", ready=check, registry=registry)

Every error has one shape, {"error": {"type", "message", and where they apply "field", "value", "allowed"}}.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any

import anyio
from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import InvalidField, SemcomError, Stopping, TooMany, Unauthenticated, UnsupportedMedia
from shared.runtime import request_ids
from shared.runtime.access import OPEN, Access
from shared.runtime.draining import Drain
from shared.runtime.http_connections import BodyPauses
from shared.runtime.logs import log_event

_LOG = logging.getLogger(__name__)
_QUIET_PATHS = ("/healthz", "/readyz", "/metrics")
_PROBED_PATHS = ("/healthz", "/readyz")
_MESSAGE_PREFIX = "Input should be "
# What is allowed, where the validator's own words do not say it.
_ALLOWED: Mapping[str, str] = {
    "missing": "a value: it is required",
    "extra_forbidden": "nothing: there is no field of this name here",
    "json_invalid": "well-formed JSON",
    "model_attributes_type": "a JSON object, sent with the header Content-Type: application/json",
    "datetime_from_date_parsing": "a time in ISO 8601, such as 2026-01-31T12:00:00Z",
}
# A place is free within about a second where an instance takes some ten milliseconds.
_HEADERS: Mapping[type[SemcomError], dict[str, str]] = {
    Unauthenticated: {"WWW-Authenticate": "Bearer"},
    TooMany: {"Retry-After": "1"},
    Stopping: {"Retry-After": "1"},
}
_SHOWN: Mapping[str, str] = {"missing": "(absent)", "json_invalid": "(unreadable)"}


class ErrorDetail(BaseModel):
    """What went wrong."""

    type: str = Field(description="Class of the error.", examples=["InvalidField"])
    message: str = Field(
        description="The field, its value and what is allowed, in words.",
        examples=["snr_db = '1000000000.0' is not allowed; allowed: -30 to 60"],
    )
    field: str | None = Field(None, description="The field that is refused.", examples=["snr_db"])
    value: str | None = Field(None, description="Its value, cut short.", examples=["1000000000.0"])
    allowed: str | None = Field(None, description="What is allowed.", examples=["-30 to 60"])


class ErrorBody(BaseModel):
    """Body of every error response."""

    error: ErrorDetail


class Health(BaseModel):
    """Body of /healthz and /readyz."""

    status: str = Field(description='"ok", or "ready".', examples=["ok"])


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries of error responses, for `responses=` of a route."""
    return {status: {"model": ErrorBody, "description": HTTPStatus(status).phrase} for status in statuses}


def error_response(error: SemcomError, status: int | None = None) -> JSONResponse:
    """An error as it goes to HTTP clients.

    Args:
        error: Any of ours.
        status: HTTP status; the error's own where absent.
    """
    headers = next((_HEADERS[kind] for kind in _HEADERS if isinstance(error, kind)), None)
    return _AsciiJsonResponse({"error": error.to_dict()}, status or error.http_status, headers)


def route_path(scope: Scope) -> str:
    """A request's path, without the one below which a proxy serves the app."""
    path, root_path = str(scope.get("path", "")), scope.get("root_path", "").rstrip("/")
    return path.removeprefix(root_path) if path.startswith(f"{root_path}/") else path


def build_app(
    title: str,
    description: str,
    *,
    ready: Callable[[], Awaitable[None]],
    registry: CollectorRegistry,
    access: Access = OPEN,
    open_paths: Collection[str] = (),
) -> FastAPI:
    """A FastAPI app with our error handlers, /healthz, /readyz and /metrics.

    Args:
        title: Title on the OpenAPI page.
        description: Text on the OpenAPI page, Markdown.
        ready: Returns where the service can serve, else raises a SemcomError that says why not.
        registry: What /metrics shows.
        access: What callers have to show; GET / and probes of /healthz and /readyz need no token.
        open_paths: Beginnings of further paths that need no token.
    """
    # The middleware asks for the token, whatever the route; this only describes it to readers of the API.
    described = [Security(HTTPBearer(auto_error=False))] if access.token else []
    app = FastAPI(
        title=title,
        description=description,
        responses=error_responses(422),
        dependencies=described,
        # Below whatever path a proxy serves it; relative to where the description itself lies.
        servers=[{"url": "."}],
        docs_url=None,
        redoc_url=None,
    )
    app.add_exception_handler(SemcomError, _on_semcom_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_unexpected_error)
    app.state.drain = drain = Drain()
    app.add_middleware(_Heads)
    app.add_middleware(_PlainBodies)
    app.add_middleware(BodyPauses)
    app.add_middleware(_CountWork, drain=drain)
    app.add_middleware(_TokenCheck, access=access, open_paths=(*_PROBED_PATHS, *open_paths))
    app.add_middleware(_RequestLog)
    app.add_middleware(_RequestIds)
    _add_service_routes(app, ready, registry, drain)
    return app


def allow_origins(app: FastAPI, origins: str) -> None:
    """Let pages of other origins call an app from a browser.

    Args:
        app: With all its other middleware.
        origins: Such as https://example.org, with commas between; empty for none.
    """
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=origins.split(","), allow_methods=["*"], allow_headers=["*"]
        )


def _add_service_routes(
    app: FastAPI, ready: Callable[[], Awaitable[None]], registry: CollectorRegistry, drain: Drain
) -> None:
    @app.get("/healthz", tags=["service"], summary="Is the process alive?")
    async def healthz() -> Health:
        return Health(status="ok")

    @app.get(
        "/readyz",
        tags=["service"],
        summary="Can it serve? 503 with the reason if not.",
        response_model=Health,
        responses=error_responses(503),
    )
    async def readyz() -> Health | JSONResponse:
        try:
            drain.check()
            await ready()
        except SemcomError as error:
            return error_response(error, 503)
        return Health(status="ready")

    @app.get("/metrics", tags=["service"], summary="Prometheus metrics.", response_class=Response)
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    # As FastAPI's own, which name the description from the root of the host.
    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return get_swagger_ui_html(openapi_url="openapi.json", title=app.title)

    @app.get("/redoc", include_in_schema=False)
    async def redoc() -> Response:
        return get_redoc_html(openapi_url="openapi.json", title=app.title)


class _AsciiJsonResponse(JSONResponse):
    """JSON in ASCII: refused values are shown to the client, and half a surrogate pair has no UTF-8."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode("ascii")


async def _on_semcom_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, SemcomError)
    return error_response(error)


async def _on_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problem = error.errors()[0]
    kind, place = str(problem["type"]), problem["loc"]
    # The first part of the place is where the field was looked for: query, path, body, header.
    field = ".".join(str(part) for part in place[1:] if kind != "json_invalid") or str(place[0])
    value = _SHOWN.get(kind, problem.get("input"))
    allowed = _ALLOWED.get(kind) or str(problem["msg"]).removeprefix(_MESSAGE_PREFIX)
    return error_response(InvalidField(field, value, allowed))


async def _on_http_exception(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    name = HTTPStatus(error.status_code).phrase.replace(" ", "")
    content = {"error": {"type": name, "message": str(error.detail)}}
    return _AsciiJsonResponse(content, error.status_code, dict(error.headers or {}))


async def _on_unexpected_error(_: Request, error: Exception) -> Response:
    # Starlette raises it again once this has gone out, and the server logs it then.
    response = error_response(SemcomError("internal error; see the service's log"))
    response.headers[request_ids.HEADER] = request_ids.current()
    return response


class _TokenCheck:
    """Refuses requests without the access token, before anything of them is read."""

    def __init__(self, app: ASGIApp, access: Access, open_paths: tuple[str, ...]) -> None:
        self._app, self._access, self._open_paths = app, access, open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = route_path(scope)
        if scope["type"] == "http" and path != "/" and not path.startswith(self._open_paths):
            try:
                self._access.check(Headers(scope=scope).get("authorization"))
            except Unauthenticated as error:
                await error_response(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _PlainBodies:
    """Refuses compressed bodies, whose size nobody knows before they are read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        coding = Headers(scope=scope).get("content-encoding", "") if scope["type"] == "http" else ""
        if coding.strip().lower() in ("", "identity"):
            await self._app(scope, receive, send)
            return
        error = UnsupportedMedia("content-encoding", coding, "a body without compression")
        await error_response(error)(scope, receive, send)


class _Heads:
    """Answers HEAD with the head of the answer to GET."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        # The rest is not made: a live view has no end.
        with anyio.CancelScope() as answering:

            async def send_head(message: Message) -> None:
                await send(message)
                await send({"type": "http.response.body"})
                answering.cancel()
                await anyio.sleep_forever()

            await self._app({**scope, "method": "GET"}, receive, send_head)


class _CountWork:
    """Refuses what comes once the service is stopping; probes are answered all the same."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app, self._drain = app, drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or route_path(scope) in _QUIET_PATHS:
            await self._app(scope, receive, send)
            return
        try:
            self._drain.check()
        except Stopping as error:
            await error_response(error)(scope, receive, send)
            return
        with self._drain.work():
            await self._app(scope, receive, send)


class _RequestIds:
    """Finds or makes the request's id, for the log lines of its task and for the answer's header.

    It stays bound: the server's own line about an unexpected error comes last.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_ids.find_or_make(Headers(scope=scope).get)
        request_ids.bind([request_id])

        async def adding_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                header = (request_ids.HEADER.encode(), request_id.encode())
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        await self._app(scope, receive, adding_header)


class _RequestLog:
    """Writes one line a request; those of probes are left out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or route_path(scope) in _QUIET_PATHS:
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting_status)
        finally:
            duration_ms = round(1e3 * (time.perf_counter() - started), 3)
            method, path = scope["method"], scope["path"]
            log_event(_LOG, "http", method=method, path=path, status=status, duration_ms=duration_ms)
