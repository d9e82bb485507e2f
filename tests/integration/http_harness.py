"""The HTTP side of a service on a free port, and a client of it."""

import asyncio
import contextlib
import socket

import httpx

from shared.runtime.grpc_runtime import serve_http

HOST = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


@contextlib.asynccontextmanager
async def http_server(app, stop: asyncio.Event, *, scheme: str = "http", verify=True, **options):
    """Serve an app until `stop` is set; the task that serves, and a client once it answers.

    Args:
        app: Of `shared.runtime.http_runtime.build_app`.
        stop: Set by the test, which then waits for the task.
        scheme: http or https.
        verify: Of the client, see httpx.
        options: Of `serve_http`.
    """
    port = free_port()
    task = asyncio.create_task(serve_http(app, HOST, port, stop, **options))
    url = f"{scheme}://{HOST}:{port}"
    async with httpx.AsyncClient(base_url=url, verify=verify, trust_env=False, timeout=20) as client:
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                await client.get("/healthz")
                break
            await asyncio.sleep(0.02)
        yield task, client
