"""Where a request's id comes from, and which log lines and answers carry it."""

import asyncio
import contextvars
import json
import logging
import re

import httpx
import pytest
from prometheus_client import CollectorRegistry

from protos.semcom.v1 import frame_pb2
from shared.errors import InvalidField
from shared.runtime import request_ids
from shared.runtime.http_runtime import build_app
from shared.runtime.logs import _JsonFormatter, log_event

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
MADE = re.compile("[0-9a-f]{32}")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"traceparent": TRACEPARENT}, TRACE),
        ({"traceparent": TRACEPARENT, "x-request-id": "mine"}, TRACE),
        ({"traceparent": "nonsense", "x-request-id": "mine"}, "mine"),
        ({"traceparent": TRACEPARENT.replace(TRACE, "0" * 32), "x-request-id": "mine"}, "mine"),
        ({"traceparent": f"ff{TRACEPARENT[2:]}", "x-request-id": "mine"}, "mine"),
        ({"x-request-id": "x" * 64}, "x" * 64),
    ],
)
def test_the_callers_id_is_taken(headers, expected):
    assert request_ids.find_or_make(headers.get) == expected


@pytest.mark.parametrize("given", [None, "", "x" * 65, "two words", "line\nbreak", "ü"])
def test_else_one_is_made(given):
    made = {request_ids.find_or_make({"x-request-id": given}.get) for _ in range(3)}
    assert len(made) == 3
    assert all(map(MADE.fullmatch, made))


def test_a_frames_id_is_checked():
    request_ids.check_request_id("")
    request_ids.check_request_id("x" * 64)
    with pytest.raises(InvalidField, match="request_id"):
        request_ids.check_request_id("x" * 65)


def in_new_context(work):
    return contextvars.Context().run(work)


def logged(caplog):
    return json.loads(_JsonFormatter("receiver").format(caplog.records[-1]))


def test_log_lines_carry_what_is_bound(caplog):
    logger = logging.getLogger("semcom.test")

    def work():
        with caplog.at_level(logging.INFO):
            log_event(logger, "before")
            assert "request_id" not in logged(caplog)
            request_ids.bind(["a", "", "bad one"])
            log_event(logger, "one")
            assert logged(caplog)["request_id"] == "a"
            request_ids.bind(["a", "b", "a"])
            log_event(logger, "two")
            assert logged(caplog)["request_ids"] == ["a", "b"]
            log_event(logger, "own", request_id="c")
            assert logged(caplog)["request_id"] == "c"

    in_new_context(work)


def test_frames_without_an_id_take_the_one_that_is_bound():
    def work():
        request_ids.bind(["edge"])
        frames = [frame_pb2.Frame(), frame_pb2.Frame()]
        request_ids.bind_those_of(frames)
        assert [frame.request_id for frame in frames] == ["edge", "edge"]
        mixed = [frame_pb2.Frame(request_id="own"), frame_pb2.Frame()]
        request_ids.bind_those_of(mixed)
        assert [frame.request_id for frame in mixed] == ["own", ""]
        assert request_ids.current() == "own"

    in_new_context(work)


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/nowhere", 404), ("/fails", 500)])
def test_every_http_answer_names_it(path, status):
    async def ready():
        return None

    async def fails():
        raise RuntimeError("a defect")

    async def ask(headers):
        app = build_app("t", "d", ready=ready, registry=CollectorRegistry())
        app.add_api_route("/fails", fails)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path, headers=headers)

    response = asyncio.run(ask({"X-Request-Id": "mine"}))
    assert (response.status_code, response.headers.get_list("x-request-id")) == (status, ["mine"])
    assert MADE.fullmatch(asyncio.run(ask({})).headers["x-request-id"])
