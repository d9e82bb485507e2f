"""An empty report store, and the HTTP app in process with a store of its own."""

import asyncio

import httpx
import pytest
from prometheus_client import CollectorRegistry

from channel_service.http.app import create_app
from channel_service.links.links import Links
from channel_service.relay.live import LiveFeed
from channel_service.relay.metrics import Metrics
from channel_service.reports.store import Store
from shared.errors import ServiceUnavailable


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "made" / "reports.sqlite3")


@pytest.fixture
def store(path):
    opened = Store(path)
    yield opened
    opened.close()


@pytest.fixture
def service(tmp_path):
    made = Service(tmp_path / "reports.sqlite3")
    yield made
    made.store.close()


class Service:
    """The app with its parts; `receiver_is_up` sets whether the service is ready."""

    def __init__(self, store_path) -> None:
        self.links, self.store = Links(store_path.parent / "recordings"), Store(str(store_path))
        self.receiver_is_up = True
        self.app = create_app(self.links, self.store, LiveFeed(Metrics()), self._ready, CollectorRegistry())

    async def _ready(self) -> None:
        if not self.receiver_is_up:
            raise ServiceUnavailable("receiver", "127.0.0.1:1")

    def request(self, method: str, path: str, **options) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://channel") as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def put(self, name: str, body: str, method: str = "PUT") -> httpx.Response:
        return self.request(
            method, f"/links/{name}", content=body, headers={"Content-Type": "application/json"}
        )

    def patch(self, name: str, body: str) -> httpx.Response:
        return self.put(name, body, "PATCH")
