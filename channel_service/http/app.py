"""The HTTP app: links, recordings, reports and the live view."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from channel_service.http.links import add_link_routes
from channel_service.http.live import add_live_routes
from channel_service.http.recordings import add_recording_routes
from channel_service.http.reports import add_report_routes
from channel_service.links.links import Links
from channel_service.relay.live import LiveFeed
from channel_service.reports.store import Store
from shared.runtime.access import OPEN, Access
from shared.runtime.http_runtime import build_app

_DESCRIPTION = "Applies fading and noise to frames on named links, and stores what every instance cost."


def create_app(
    links: Links,
    store: Store,
    feed: LiveFeed,
    ready: Callable[[], Awaitable[None]],
    registry: CollectorRegistry,
    access: Access = OPEN,
) -> FastAPI:
    """Build the service's HTTP app.

    Args:
        links: All links, shared with the gRPC service.
        store: The report store, shared with the gRPC service.
        feed: The live view, shared with the gRPC service.
        ready: Raises an error if the service is not ready, see `shared.runtime.http_runtime.build_app`.
        registry: The metrics that /metrics shows.
        access: What callers have to show.
    """
    app = build_app("semcom channel_service", _DESCRIPTION, ready=ready, registry=registry, access=access)
    add_link_routes(app, links)
    add_recording_routes(app, links.recordings, links.traces)
    add_report_routes(app, store)
    add_live_routes(app, feed)
    return app
