"""Requests drawn from the OpenAPI schema of the links, and requests that break it, never end in a 500."""

import tempfile
from pathlib import Path

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from prometheus_client import CollectorRegistry
from schemathesis.generation import GenerationMode

from channel_service.links import Links
from channel_service.links_api import add_link_routes
from channel_service.recordings_api import add_recording_routes
from shared.http_runtime import build_app

EXPECTED_STATUSES = (200, 201, 204, 400, 404, 405, 413, 415, 422)
_FOLDER = tempfile.TemporaryDirectory()


async def _ready() -> None:
    """Always."""


def _app() -> FastAPI:
    links = Links(Path(_FOLDER.name))
    app = build_app("links", "Links alone.", ready=_ready, registry=CollectorRegistry())
    add_link_routes(app, links)
    add_recording_routes(app, links.recordings, links.traces)
    return app


schema = schemathesis.openapi.from_asgi("/openapi.json", _app())
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


# Lines of JSON are no media type that the tool can draw: test_channel_api.py breaks recordings by hand.
@(
    schema.include(path_regex="^/(links|recordings|traces)")
    .exclude(path_regex="^/recordings/", method="PUT")
    .parametrize()
)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_requests_from_the_schema_find_no_500(case):
    response = case.call()
    assert response.status_code in EXPECTED_STATUSES, response.text
