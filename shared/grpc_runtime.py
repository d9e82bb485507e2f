"""How every service runs: one asyncio loop with a gRPC server and a small HTTP server beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import grpc
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from shared.errors import SemcomError, to_trailer
from shared.logs import log_event
from shared.wire import MAX_MESSAGE_BYTES

_LOG = logging.getLogger(__name__)
_GRACE_S = 5.0
CHANNEL_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A service that comes back is found within a second, not after gRPC's usual two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]
# Without it a second server on the same port would start, and take every other call.
_SERVER_OPTIONS = [*CHANNEL_OPTIONS, ("grpc.so_reuseport", 0)]


class ErrorInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in its stubs alone
    """Maps our errors to their gRPC status and logs one line an RPC; others become INTERNAL, unexplained."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Wrap unary handlers of our own services."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or handler.unary_unary is None or not method.startswith("/semcom."):
            return handler
        answer: Any = handler.unary_unary

        async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            started, status = time.perf_counter(), "OK"
            try:
                return await answer(request, context)
            except SemcomError as error:
                status = error.grpc_status.name
                await context.abort(error.grpc_status, error.message, to_trailer(error))
            except (grpc.aio.AbortError, asyncio.CancelledError):
                status = "CANCELLED"
                raise
            except Exception:
                status = "INTERNAL"
                _LOG.exception("unexpected error in %s", method)
                await context.abort(grpc.StatusCode.INTERNAL, "internal error; see the service's log")
            finally:
                duration_ms = 1e3 * (time.perf_counter() - started)
                fields = {"method": method, "status": status, "duration_ms": round(duration_ms, 3)}
                # The answer goes out first: a line takes as long as drawing a short frame.
                asyncio.get_running_loop().call_soon(partial(log_event, _LOG, "rpc", **fields))

        return grpc.unary_unary_rpc_method_handler(
            guarded, handler.request_deserializer, handler.response_serializer
        )


def build_server(full_names: tuple[str, ...]) -> tuple[grpc.aio.Server, HealthServicer]:
    """A gRPC server with our errors, health and reflection.

    Args:
        full_names: Of the services it will carry, e.g. "semcom.v1.ReceiverService".
    """
    server = grpc.aio.server(interceptors=(ErrorInterceptor(),), options=_SERVER_OPTIONS)
    checks = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    reflection.enable_server_reflection((*full_names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return server, checks


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


async def serve_http(app: Any, host: str, port: int, stop: asyncio.Event) -> None:
    """Serve an ASGI app until `stop` is set, then end it gracefully."""
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=int(_GRACE_S)
    )
    server = _HttpServer(config)
    running = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stop.set()
    stopping.cancel()
    await running


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


@contextlib.asynccontextmanager
async def running(
    server: grpc.aio.Server, checks: HealthServicer, names: tuple[str, ...]
) -> AsyncIterator[None]:
    """Start a gRPC server, and stop it with grace at the end of the block."""
    await server.start()
    await set_serving(checks, names, serving=True)
    try:
        yield
    finally:
        await set_serving(checks, names, serving=False)
        await server.stop(_GRACE_S)
