"""Requests generated from the OpenAPI schema of links and reports, valid or not, never give status 500."""

import json
import tempfile
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from schemathesis.generation import GenerationMode

from channel_service.http.links import add_link_routes
from channel_service.http.recordings import RECORDING_TYPE, add_recording_routes
from channel_service.http.reports import add_report_routes
from channel_service.links.links import Links
from channel_service.reports.store import Store
from shared.runtime.http_runtime import build_app

EXPECTED_STATUSES = (200, 201, 204, 400, 404, 405, 413, 415, 422)
EXPECTED = Path(__file__).parents[3] / "expected"
_FOLDER = tempfile.TemporaryDirectory()
_STORE = Store(f"{_FOLDER.name}/reports.sqlite3")
_HEADER, _FRAME = (json.loads(line) for line in (EXPECTED / "drive.jsonl").read_text().splitlines()[:2])
# Python's json reads and writes NaN and Infinity, although they are not valid JSON.
_WILD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just([]) | st.just({})
)


@st.composite
def recordings(draw) -> bytes:
    """A recording of one frame, in which some fields or settings have unusual values."""
    frame = {**_FRAME, "settings": dict(_FRAME["settings"]), "gains": dict(_FRAME["gains"])}
    for fields in (frame, frame["settings"], frame["gains"]):
        for name in draw(st.lists(st.sampled_from([*fields, "extra"]), max_size=1)):
            fields[name] = draw(_WILD)
    return "".join(json.dumps(line) + "\n" for line in (_HEADER, frame)).encode()


schemathesis.openapi.media_type(RECORDING_TYPE, recordings() | st.binary(max_size=64))


@pytest.fixture(scope="module", autouse=True)
def _closed_at_the_end():
    yield
    _STORE.close()


async def _ready() -> None:
    """The app is always ready."""


def _app() -> FastAPI:
    links = Links(Path(_FOLDER.name))
    app = build_app("links", "Links and reports.", ready=_ready, registry=CollectorRegistry())
    add_link_routes(app, links)
    add_recording_routes(app, links.recordings, links.traces)
    add_report_routes(app, _STORE)
    return app


schema = schemathesis.openapi.from_asgi("/openapi.json", _app())
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@schema.include(path_regex="^/(links|recordings|traces|reports)").parametrize()
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
