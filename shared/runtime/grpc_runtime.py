"""How every service runs: one asyncio loop with a gRPC server and a small HTTP server beside it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from functools import partial
from typing import Any

import grpc
import uvicorn
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from shared.errors import InvalidField, SemcomError
from shared.runtime import request_ids
from shared.runtime.access import OPEN, Access
from shared.runtime.draining import Drain
from shared.runtime.http_connections import KEEP_ALIVE_S, TimedProtocol, listening_sockets
from shared.runtime.logs import log_event
from shared.runtime.rpc_errors import status_code, to_trailer
from shared.wire import MAX_MESSAGE_BYTES

_LOG = logging.getLogger(__name__)
STOP_TIMEOUT_S = 8.0
# Of HTTP connections, once nothing is at work.
_CLOSE_TIMEOUT_S = 1
_STDIN = 0
CHANNEL_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # Services of one's own network are never behind the proxy that the environment may name.
    ("grpc.enable_http_proxy", 0),
    # A service that comes back is found at once, not after gRPC's usual two minutes: the tries of one call
    # (`shared.runtime.retrying`) last longer than the longest pause between two connections, its jitter of
    # 20 % included, so that no call fails for a pause alone.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 200),
    # A name with several addresses, or a list ipv4:HOST:PORT,HOST:PORT, shares the calls among all of them.
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.dns_min_time_between_resolutions_ms", 1000),
]
# Without it a second server on the same port would start, and take every other call.
_SERVER_OPTIONS = [
    *CHANNEL_OPTIONS,
    ("grpc.so_reuseport", 0),
    # Callers connect again after a minute, and so find services that were added under the same name.
    ("grpc.max_connection_age_ms", 60_000),
]


async def _end(
    method: str, context: grpc.aio.ServicerContext[Any, Any], started: float, error: BaseException
) -> None:
    """Log one line for an RPC that has ended; send our errors as their gRPC status, others as INTERNAL."""
    if isinstance(error, DecodeError):  # the caller's bytes are no message of this method
        error = InvalidField("request", str(error), f"a message that {method} takes")
    _log_soon(method, _status_of(error), started)
    if isinstance(error, SemcomError):
        await context.abort(status_code(error), error.message, to_trailer(error))
    if _status_of(error) == _INTERNAL:
        _LOG.error("unexpected error in %s", method, exc_info=error)
        await context.abort(grpc.StatusCode.INTERNAL, "internal error; see the service's log")


def _log_soon(method: str, status: str, started: float) -> None:
    """Let the answer go out first: a line takes as long as drawing a short frame."""
    duration_ms = round(1e3 * (time.perf_counter() - started), 3)
    fields = {"method": method, "status": status, "duration_ms": duration_ms}
    asyncio.get_running_loop().call_soon(partial(log_event, _LOG, "rpc", **fields))


_OK, _INTERNAL = grpc.StatusCode.OK.name, grpc.StatusCode.INTERNAL.name


def _status_of(error: BaseException) -> str:
    if isinstance(error, SemcomError):
        return error.grpc_status
    is_ended = isinstance(error, grpc.aio.AbortError) or not isinstance(error, Exception)
    return "CANCELLED" if is_ended else _INTERNAL


class _Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # at run time it is not generic
    """Guards the methods of our own services. Health and reflection ask for no token."""

    def __init__(self, names: Collection[str], access: Access) -> None:
        self._names, self._access = names, access

    async def intercept_service(  # type: ignore[override]  # the stubs leave out a method that is not there
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The handler of a call's method, guarded; None where no service has such a method."""
        handler = await continuation(details)
        if handler is None or details.method.split("/")[1] not in self._names:
            return handler
        guard = _guard_stream if handler.stream_stream else _guard
        return guard(details.method, handler, self._access)


def _guard(
    method: str, handler: grpc.RpcMethodHandler[Any, Any], access: Access
) -> grpc.RpcMethodHandler[Any, Any]:
    answer: Any = handler.unary_unary
    read: Any = handler.request_deserializer

    # Bytes are read in here: gRPC itself would answer bytes that it cannot read with UNKNOWN.
    async def guarded(request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        started = time.perf_counter()
        try:
            metadata = context.invocation_metadata()
            request_ids.bind([request_ids.find_or_make(dict(metadata or ()).get)])
            access.check_metadata(metadata)
            response = await answer(read(request), context)
        except BaseException as error:
            await _end(method, context, started, error)
            raise
        _log_soon(method, _OK, started)
        return response

    return grpc.unary_unary_rpc_method_handler(guarded, None, handler.response_serializer)


def _guard_stream(
    method: str, handler: grpc.RpcMethodHandler[Any, Any], access: Access
) -> grpc.RpcMethodHandler[Any, Any]:
    answer: Any = handler.stream_stream

    async def guarded(requests: Any, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Any]:
        started = time.perf_counter()
        try:
            metadata = context.invocation_metadata()
            request_ids.bind([request_ids.find_or_make(dict(metadata or ()).get)])
            access.check_metadata(metadata)
            async for response in answer(requests, context):
                yield response
        except BaseException as error:
            await _end(method, context, started, error)
            raise
        _log_soon(method, _OK, started)

    return grpc.stream_stream_rpc_method_handler(
        guarded, handler.request_deserializer, handler.response_serializer
    )


class _Health(HealthServicer):  # type: ignore[misc]  # it has no stubs
    """Answers NOT_SERVING also while `check` raises one of our errors."""

    def __init__(self, check: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._check = check

    async def Check(self, request: health_pb2.HealthCheckRequest, context: Any) -> Any:
        answer = await super().Check(request, context)
        try:
            await self._check()
        except SemcomError:
            return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.NOT_SERVING)
        return answer


async def _nothing_to_check() -> None:
    return None


def build_server(
    full_names: tuple[str, ...],
    access: Access = OPEN,
    check: Callable[[], Awaitable[None]] = _nothing_to_check,
) -> tuple[grpc.aio.Server, HealthServicer]:
    """A gRPC server with health and reflection.

    Args:
        full_names: Names of the services it will carry, e.g. "semcom.v1.ReceiverService".
        access: What callers of these services have to show.
        check: Raises a SemcomError while they cannot do their work, although the process runs.
    """
    server = grpc.aio.server(interceptors=[_Guard(full_names, access)], options=_SERVER_OPTIONS)
    checks = _Health(check)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    reflection.enable_server_reflection((*full_names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server, checks


def bind(server: grpc.aio.Server, host: str, port: int, access: Access, setting: str) -> int:
    """Let a gRPC server listen; its port.

    Args:
        server: Not started yet.
        host: Address to listen on.
        port: 0 takes a free one.
        access: Says whether the port speaks TLS.
        setting: Name of the port's setting, for the message.

    Raises:
        InvalidField: If the port cannot be had.
    """
    name = f"[{host}]" if ":" in host else host  # an IPv6 address has colons of its own
    try:
        return access.add_port(server, f"{name}:{port}")
    except RuntimeError as error:
        raise InvalidField(setting, port, f"a free port of {host}") from error


async def set_serving(checks: HealthServicer, full_names: tuple[str, ...], *, serving: bool) -> None:
    """Tell health checks whether the named services (and the process) serve."""
    status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
    for name in ("", *full_names):
        await checks.set(name, status)


class _HttpServer(uvicorn.Server):
    """uvicorn that leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


async def serve_http(
    app: Any,
    host: str,
    port: int,
    stop: asyncio.Event,
    access: Access = OPEN,
    *,
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
    timeout_s: float = STOP_TIMEOUT_S,
    root_path: str = "",
) -> None:
    """Serve an app until `stop` is set. Then it is not ready, and ends once what is at work has ended.

    Args:
        app: What `shared.runtime.http_runtime.build_app` made.
        host: Address to listen on.
        port: To listen on.
        stop: Set to stop; it is set too where the server ends of itself.
        access: Says whether the port speaks TLS.
        beside: Called once `stop` is set; probes are answered until it has ended.
        timeout_s: Longest time for what is at work [s].
        root_path: Below which a proxy serves the app, such as /semcom; it takes this off the path.

    Raises:
        InvalidField: If the port of every address cannot be had.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        http=TimedProtocol,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=_CLOSE_TIMEOUT_S,
        root_path=root_path,
        **access.http_options,
    )
    server = _HttpServer(config)
    running = asyncio.create_task(server.serve(listening_sockets(host, port)))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    stopping.cancel()
    await _drain(app.state.drain, beside, timeout_s)
    server.should_exit = True
    await running


async def _drain(
    drain: Drain, beside: Callable[[], Coroutine[Any, Any, None]] | None, timeout_s: float
) -> None:
    """Refuse new requests, and wait for those at work and for what ends beside them, but not for long."""
    drain.begin()
    idle = asyncio.create_task(drain.wait_idle())
    others = [asyncio.create_task(beside())] if beside else []
    _, late = await asyncio.wait([idle], timeout=timeout_s)
    if late:
        idle.cancel()
        _LOG.warning("requests at work are given up", extra={"fields": {"timeout_s": timeout_s}})
    await asyncio.gather(*others)


def stop_on_signals(*, ends_with_input: bool = False) -> asyncio.Event:
    """An event that SIGTERM and SIGINT set.

    Args:
        ends_with_input: The end of standard input sets it too. Where that is a pipe whose other end only the
            parent process holds, the service ends with its parent, however that dies.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if ends_with_input:
        loop.add_reader(_STDIN, _stop_at_end, stop)
    return stop


def _stop_at_end(stop: asyncio.Event) -> None:
    if not os.read(_STDIN, 4096):
        asyncio.get_running_loop().remove_reader(_STDIN)
        stop.set()


@contextlib.asynccontextmanager
async def running(
    server: grpc.aio.Server, checks: HealthServicer, names: tuple[str, ...], timeout_s: float = STOP_TIMEOUT_S
) -> AsyncIterator[Callable[[], Coroutine[Any, Any, None]]]:
    """Start a gRPC server, and stop it at the end of the block at the latest.

    Args:
        server: With its services.
        checks: Health of the services.
        names: Full names of the services.
        timeout_s: Longest time for what is at work when it stops [s].

    Yields:
        Stops it: health says so first, new calls are refused, and those at work end.
    """

    async def stop() -> None:
        await set_serving(checks, names, serving=False)
        await server.stop(timeout_s)

    await server.start()
    await set_serving(checks, names, serving=True)
    try:
        yield stop
    finally:
        await stop()
