"""Connections that send slowly, too much, or nothing are ended; idle ones are kept longer than by clients."""

import asyncio
import socket
import time

import httpx
import pytest
from fastapi import Request
from http_harness import HOST, free_port, http_server
from prometheus_client import CollectorRegistry

from shared.errors import InvalidField
from shared.runtime import http_connections
from shared.runtime.grpc_runtime import serve_http
from shared.runtime.http_runtime import build_app

SOON_S = 0.2
HEAD = b"POST /length HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(autouse=True)
def _short_times(monkeypatch):
    monkeypatch.setattr(http_connections, "HEAD_TIMEOUT_S", SOON_S)
    monkeypatch.setattr(http_connections, "BODY_PAUSE_S", SOON_S)


async def ready():
    return None


def app():
    built = build_app("t", "d", ready=ready, registry=CollectorRegistry())

    @built.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    return built


def serving(work):
    """Run `work(port, client)` beside a server."""

    async def run():
        stop = asyncio.Event()
        async with http_server(app(), stop) as (task, client):
            result = await work(client.base_url.port, client)
        stop.set()
        await task
        return result

    return asyncio.run(run())


async def talk(port, *parts, pause_s=0.0):
    """Send parts with pauses between; what comes until the server closes, and after how long [s]."""
    reader, writer = await asyncio.open_connection(HOST, port)
    started, reading = time.monotonic(), asyncio.ensure_future(reader.read())
    for part in parts:
        writer.write(part)
        await asyncio.wait([reading], timeout=pause_s)
        if reading.done():
            break
    answer = await asyncio.wait_for(reading, 10)
    writer.close()
    return answer, time.monotonic() - started


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([], b""),
        ([b"POST /length HT"], b"HTTP/1.1 408 "),
        ([HEAD], b"HTTP/1.1 408 "),
        ([HEAD, *[b"X-More: 1\r\n"] * 20], b"HTTP/1.1 408 "),
        ([HEAD + b"Content-Length: 5\r\n\r\n"], b"HTTP/1.1 408 "),
        ([HEAD + b"Content-Length: 5\r\n\r\n", b"abc"], b"HTTP/1.1 408 "),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n"], b"HTTP/1.1 408 "),
    ],
)
def test_a_head_or_a_body_that_stops_ends_the_connection(parts, status):
    answer, duration_s = serving(lambda port, _: talk(port, *parts, pause_s=SOON_S / 4))
    assert answer[:13] == status[:13]
    assert bool(answer) == bool(status)
    assert SOON_S <= duration_s < 5


def test_endless_heads_are_refused_by_their_size():
    lines = [b"X-More: " + b"1" * 4000 + b"\r\n"] * 100
    answer, _ = serving(lambda port, _: talk(port, HEAD, *lines, pause_s=0.001))
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_a_body_that_comes_slowly_without_long_pauses_is_read():
    head = HEAD + b"Connection: close\r\nContent-Length: 8\r\n\r\n"
    answer, duration_s = serving(lambda port, _: talk(port, head, *[b"x"] * 8, pause_s=SOON_S / 4))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n8")
    assert duration_s > SOON_S


def test_a_connection_that_has_been_answered_is_kept():
    async def work(port, client):
        async with httpx.AsyncClient(base_url=client.base_url, trust_env=False) as other:
            await other.get("/healthz")
            await asyncio.sleep(2 * SOON_S)
            (connection,) = other._transport._pool.connections
            is_kept = connection.is_idle() and not connection.has_expired()
            return is_kept, (await other.get("/healthz")).status_code

    assert serving(work) == (True, 200)


def test_an_idle_connection_is_kept_longer_than_by_clients_and_usual_proxies(monkeypatch):
    kept = []

    class Protocol(http_connections.TimedProtocol):
        def on_response_complete(self):
            super().on_response_complete()
            kept.append(self.timeout_keep_alive_task.when() - self.loop.time())

    monkeypatch.setattr("shared.runtime.grpc_runtime.TimedProtocol", Protocol)
    assert serving(lambda _, client: client.get("/healthz")).status_code == 200
    # httpx 5 s, aiohttp 15 s, nginx and load balancers 60 s
    assert kept[0] == pytest.approx(75, abs=1)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
@pytest.mark.parametrize("host", ["::", "0:0:0:0:0:0:0:0"])
def test_every_address_of_ipv6_is_every_address_of_ipv4_too(host):
    async def run():
        port, stop = free_port(), asyncio.Event()
        task = asyncio.create_task(serve_http(app(), host, port, stop))
        statuses = []
        async with httpx.AsyncClient(trust_env=False) as client:
            for address in ("127.0.0.1", "[::1]"):
                for _ in range(100):
                    try:
                        statuses.append((await client.get(f"http://{address}:{port}/healthz")).status_code)
                        break
                    except httpx.ConnectError:
                        await asyncio.sleep(0.02)
        with pytest.raises(InvalidField, match="HTTP port"):
            await serve_http(app(), host, port, asyncio.Event())
        stop.set()
        await task
        return statuses

    assert asyncio.run(run()) == [200, 200]
