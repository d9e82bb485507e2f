"""What every service's HTTP side does: one shape of error, health, readiness, metrics, a line a request."""

import asyncio
import gzip
import logging
import re

import httpx
import pytest
from fastapi.responses import StreamingResponse
from prometheus_client import CollectorRegistry, Counter
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import DeadlineExceeded, InvalidField, TooLarge, UnknownName
from shared.runtime.http_runtime import build_app, route_path


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    level: float = Field(allow_inf_nan=False)
    name: str = Field("x", max_length=3)


async def fine() -> None:
    return None


async def late() -> None:
    raise DeadlineExceeded("receiver", 1.0)


def request(method: str, path: str, *, ready=fine, root_path="", **options) -> httpx.Response:
    registry = CollectorRegistry()
    Counter("semcom_seen", "Seen.", registry=registry).inc(3)
    app = build_app("title", "description", ready=ready, registry=registry)

    @app.put("/things/{number}")
    async def put(number: int, body: Body) -> dict[str, float]:
        return {"level": body.level}

    @app.get("/raise/{kind}")
    async def fail(kind: str) -> None:
        raise {
            "invalid": InvalidField("snr_db", "nan", "-30 to 60"),
            "unknown": UnknownName("link", "x", "default"),
            "large": TooLarge("image", "50 MB", "20 MB"),
        }.get(kind) or ValueError("a secret")

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        async def parts():
            while True:
                yield b"x"
                await asyncio.sleep(0)

        return StreamingResponse(parts())

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, root_path=root_path)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


def put(body: bytes) -> httpx.Response:
    return request("PUT", "/things/1", content=body, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(
    ("kind", "status", "type_"),
    [("invalid", 422, "InvalidField"), ("unknown", 404, "UnknownName"), ("large", 413, "TooLarge")],
)
def test_our_errors_keep_their_status_and_words(kind, status, type_):
    response = request("GET", f"/raise/{kind}")
    assert (response.status_code, response.json()["error"]["type"]) == (status, type_)
    assert response.json()["error"].keys() == {"type", "message", "field", "value", "allowed"}


def test_unexpected_errors_are_500_without_their_details():
    response = request("GET", "/raise/other")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert response.json()["error"]["type"] == "SemcomError"


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        (b'{"level": NaN}', "level", "nan"),
        (b'{"level": Infinity}', "level", "inf"),
        (b'{"level": "x"}', "level", "x"),
        (b'{"level": 1, "nmae": 2}', "nmae", "2"),
        (b'{"level": 1, "name": "long"}', "name", "long"),
        (b'{"level": 1, "name": "\\ud800"}', "name", "\ud800"),
        (b"{}", "level", "(absent)"),
        (b"{", "body", "(unreadable)"),
        (b"", "body", "(absent)"),
    ],
)
def test_what_does_not_validate_is_422_that_names_field_value_and_what_is_allowed(body, field, value):
    response = put(body)
    error = response.json()["error"]
    assert (response.status_code, error["type"]) == (422, "InvalidField")
    assert (error["field"], error["value"]) == (field, value)
    assert error["allowed"]


def test_json_without_its_content_type_is_told_the_header():
    response = request("PUT", "/things/1", content=b'{"level": 1}')
    assert response.status_code == 422
    assert "Content-Type: application/json" in response.json()["error"]["allowed"]


@pytest.mark.parametrize("body", [b"\xff", b'{"level": ' + b"9" * 5000 + b"}", b"[" * 100_000])
def test_bodies_no_parser_reads_are_400(body):
    assert put(body).status_code == 400
    assert put(body).json()["error"]["type"] == "BadRequest"


def test_routes_that_are_not_there_have_the_same_shape():
    assert request("GET", "/nowhere").json()["error"]["type"] == "NotFound"
    wrong = request("POST", "/healthz")
    assert (wrong.status_code, wrong.json()["error"]["type"]) == (405, "MethodNotAllowed")
    assert wrong.headers["allow"] == "GET"


def test_health_readiness_and_metrics():
    assert request("GET", "/healthz", ready=late).json() == {"status": "ok"}
    assert request("GET", "/readyz").json() == {"status": "ready"}
    not_ready = request("GET", "/readyz", ready=late)
    assert (not_ready.status_code, not_ready.json()["error"]["type"]) == (503, "DeadlineExceeded")
    assert "semcom_seen_total 3.0" in request("GET", "/metrics").text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/endless"])
def test_head_is_answered_with_the_head_of_get(path):
    answer = request("HEAD", path)
    assert (answer.status_code, answer.content) == (200, b"")
    if path != "/endless":
        assert answer.headers["content-type"] == request("GET", path).headers["content-type"]


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/things/1", 405), ("/raise/invalid", 422)])
def test_head_of_what_get_refuses_has_its_status(path, status):
    answer = request("HEAD", path)
    assert (answer.status_code, answer.content) == (status, b"")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity", "GZIP"])
def test_a_compressed_body_is_refused_with_the_reason(coding):
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    answer = request("PUT", "/things/1", content=gzip.compress(b'{"level": 1}'), headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (415, "UnsupportedMedia")
    assert (error["field"], error["value"]) == ("content-encoding", coding)
    assert error["allowed"] == "a body without compression"


def test_a_body_that_says_it_is_as_it_is_is_read():
    headers = {"Content-Type": "application/json", "Content-Encoding": "identity"}
    assert request("PUT", "/things/1", content=b'{"level": 1}', headers=headers).json() == {"level": 1.0}


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_pages_of_the_api_find_its_description_below_any_path(page):
    assert re.findall(r"[\"'](\S*openapi\.json)[\"']", request("GET", page).text) == ["openapi.json"]
    description = request("GET", "/openapi.json").json()
    assert [server["url"] for server in description["servers"]] == ["."]


def test_a_root_path_is_no_part_of_the_path(caplog):
    below = {"root_path": "/semcom"}
    with caplog.at_level(logging.INFO, "shared.runtime.http_runtime"):
        assert request("GET", "/semcom/healthz", **below).json() == {"status": "ok"}
        assert request("GET", "/semcom/readyz", ready=late, **below).status_code == 503
    assert not caplog.records
    servers = request("GET", "/semcom/openapi.json", **below).json()["servers"]
    assert servers[0]["url"] == "/semcom"
    moved = request("PUT", "/semcom/things/1/", content=b"{}", **below)
    assert (moved.status_code, moved.headers["location"]) == (307, "http://service/semcom/things/1")


@pytest.mark.parametrize(
    ("path", "root_path", "left"),
    [
        ("/tasks", "", "/tasks"),
        ("/semcom/tasks", "/semcom", "/tasks"),
        ("/semcom/", "/semcom", "/"),
        ("/tasks", "/semcom", "/tasks"),
        ("/semcomtasks", "/semcom", "/semcomtasks"),
        ("/a/b/tasks", "/a/b/", "/tasks"),
    ],
)
def test_the_path_of_a_route(path, root_path, left):
    assert route_path({"type": "http", "path": path, "root_path": root_path}) == left


def test_one_line_a_request_and_none_a_probe(caplog):
    with caplog.at_level(logging.INFO, "shared.runtime.http_runtime"):
        request("GET", "/healthz")
        request("GET", "/raise/unknown")
        request("GET", "/raise/other")
    lines = [record.fields for record in caplog.records if record.name == "shared.runtime.http_runtime"]
    assert [(line["path"], line["status"]) for line in lines] == [
        ("/raise/unknown", 404),
        ("/raise/other", 500),
    ]
    assert all(line["duration_ms"] >= 0 for line in lines)
