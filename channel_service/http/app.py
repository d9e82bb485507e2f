"""The HTTP side: links, and the routes of the books."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from channel_service.http.links import add_link_routes
from channel_service.http.live import add_live_routes
from channel_service.http.recordings import add_recording_routes
from channel_service.http.reports import add_report_routes
from channel_service.links.links import Links
from channel_service.live import LiveFeed
from channel_service.reports.store import Store
from shared.http_runtime import build_app

_DESCRIPTION = "Fades and disturbs frames on named links, and keeps the books of what every instance cost."


def create_app(
    links: Links,
    store: Store,
    feed: LiveFeed,
    ready: Callable[[], Awaitable[None]],
    registry: CollectorRegistry,
) -> FastAPI:
    """The service's HTTP app.

    Args:
        links: Shared with the gRPC side.
        store: Shared with the gRPC side.
        feed: Shared with the gRPC side.
        ready: See `shared.http_runtime.build_app`.
        registry: Metrics.
    """
    app = build_app("semcom channel_service", _DESCRIPTION, ready=ready, registry=registry)
    add_link_routes(app, links)
    add_recording_routes(app, links.recordings, links.traces)
    add_report_routes(app, store)
    add_live_routes(app, feed)
    return app
