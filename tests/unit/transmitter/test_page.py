"""The page's files, what it forwards of the channel service, and that its lists are those of the services."""

import asyncio
import json
import re
from urllib.parse import urljoin

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from gateway_fakes import Gateway
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Mount

from shared.link_settings import link_settings
from shared.runtime.access import Access
from shared.runtime.http_runtime import allow_origins, build_app
from shared.tasks import TASKS
from transmitter.page.files import HEADERS, SAMPLES, STATIC, PageHeaders, page_routes
from transmitter.page.forwarding import FORWARDED, MAX_BODY_BYTES, ChannelForwarder, forwarded_routes

MAX_PAGE_BYTES = 300_000
FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
SOURCES = [path for path in FILES if path.suffix in (".html", ".css", ".js", ".svg")]


@pytest.fixture
def gateway():
    return Gateway()


def test_the_page_comes_at_the_root_with_its_policy(gateway):
    response = gateway.request("GET", "/")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    for name, value in HEADERS.items():
        assert response.headers[name] == value


def test_every_file_that_the_page_names_is_served(gateway):
    named = re.findall(r'(?:src|href)="(page/[^"]+)"', (STATIC / "index.html").read_text())
    modules = STATIC / "js"
    for path in modules.glob("*.js"):
        named += [f"page/js/{name}" for name in re.findall(r'from "\./([^"]+)"', path.read_text())]
    assert len(named) > len(list(modules.glob("*.js")))
    for path in set(named):
        assert gateway.request("GET", f"/{path}").status_code == 200, path


def test_the_page_names_nothing_from_the_root_of_its_host():
    """A proxy may serve it below any path, as jupyter-server-proxy does."""
    for path in SOURCES:
        if "uplot" not in path.parts:
            assert (
                re.findall(r"""(?:=|\(|\[|, |url\(|from )["'`]/(?!["'`])[^"'`]*""", path.read_text()) == []
            ), path


@pytest.mark.parametrize("below", ["/semcom", "/user/somebody/proxy/8000"])
def test_the_page_is_served_below_a_path_by_its_token_s_rules(below):
    app = build_app(
        "t", "d", ready=None, registry=CollectorRegistry(), access=Access("a" * 16), open_paths=("/page/",)
    )
    app.include_router(page_routes())
    app.add_middleware(PageHeaders)
    app.add_api_route("/tasks", lambda: "tasks")
    outer = Starlette(routes=[Mount(below, app)])
    page = get(outer, f"{below}/")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
    assert page.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    named = re.findall(r'(?:src|href)="(page/[^"]+)"', page.text)
    assert {get(outer, urljoin(f"{below}/", path)).status_code for path in named} == {200}
    assert get(outer, f"{below}/healthz").status_code == 200
    assert get(outer, f"{below}/tasks").status_code == 401
    assert get(outer, f"{below}/tasks", authorization=f"Bearer {'a' * 16}").status_code == 200


def test_the_page_holds_no_inline_script_or_style_and_names_no_other_origin():
    assert not re.search(
        r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", (STATIC / "index.html").read_text()
    )
    for path in SOURCES:
        if "uplot" not in path.parts:
            foreign = set(re.findall(r"https?://[^\s\"'`)]+", path.read_text()))
            assert foreign <= {"http://www.w3.org/2000/svg"}, path


def test_the_page_is_small():
    assert sum(path.stat().st_size for path in FILES) < MAX_PAGE_BYTES


def test_the_library_is_kept_with_its_licence_and_version():
    assert "MIT" in (STATIC / "uplot" / "LICENSE").read_text()
    version = re.search(r"v(\d+\.\d+\.\d+)", (STATIC / "uplot" / "uPlot.iife.min.js").read_text())[1]
    assert version in (STATIC / "uplot" / "README.md").read_text()


@pytest.mark.parametrize("path", ["/page/../gateway.py", "/page/nothing.js", "/page/samples/make_samples.py"])
def test_no_other_file_is_served(gateway, path):
    response = gateway.request("GET", path)
    assert response.status_code == 404
    assert "gateway" not in response.headers["content-type"]


def test_there_is_a_sample_of_every_task_and_its_files_are_served(gateway):
    rows = gateway.request("GET", "/page/samples.json").json()
    assert {row["task"] for row in rows} == set(TASKS)
    for path in {path for row in rows for path in row.get("files", {}).values()}:
        assert gateway.request("GET", f"/page/samples/{path}").content == (SAMPLES / path).read_bytes()


def test_the_settings_of_a_link_are_there_without_a_channel_service(gateway):
    rows = gateway.request("GET", "/page/link-settings.json").json()
    assert {row["name"]: row["default"] for row in rows} == {
        name: setting.default for name, setting in link_settings().items()
    }


def test_no_script_names_a_setting_that_the_services_describe():
    # What every address of the page holds, and a setting that the ledger counts under the same name.
    chosen = {"channel", "fading", "csi", "snr_db", "seed", "num_pilots"}
    scripts = "".join(path.read_text() for path in (STATIC / "js").glob("*.js"))
    assert not [name for name in link_settings().keys() - chosen if re.search(rf"\b{name}\b", scripts)]


def upstream():
    """A channel service that answers with what it was sent."""
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "PATCH", "DELETE", "PUT", "POST"])
    async def echo(request: Request, path: str) -> Response:
        seen = {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": str(request.query_params),
            "body": (await request.body()).decode(),
            "authorization": request.headers.get("authorization"),
            "cookie": request.headers.get("cookie"),
        }
        return Response(json.dumps(seen), 207, media_type="application/json")

    return app


def forward(method, path, transport=None, **options):
    async def call():
        forwarder = ChannelForwarder(
            "http://channel:1", transport=transport or httpx.ASGITransport(upstream())
        )
        app = build_app("t", "d", ready=None, registry=CollectorRegistry())
        app.include_router(forwarded_routes(forwarder))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
            response = await client.request(method, path, **options)
        await forwarder.close()
        return response

    return asyncio.run(call())


@pytest.mark.parametrize(("method", "path"), FORWARDED)
def test_each_row_is_forwarded(method, path):
    response = forward(
        method, f"/channel{path.format(name='a%20b%3F')}", params={"since": "2026-01-01T00:00:00+01:00"}
    )
    assert response.status_code == 207
    seen = response.json()
    assert (seen["method"], seen["path"]) == (method, path.format(name="a%20b%3F"))
    assert seen["query"] == "since=2026-01-01T00%3A00%3A00%2B01%3A00"


def test_the_caller_s_token_and_body_go_along_and_nothing_else():
    headers = {"authorization": "Bearer mine", "cookie": "a=b"}
    seen = forward("PATCH", "/channel/links/car", content='{"snr_db": 3}', headers=headers).json()
    assert (seen["body"], seen["authorization"], seen["cookie"]) == ('{"snr_db": 3}', "Bearer mine", None)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/channel/metrics", 404),
        ("PUT", "/channel/recordings/a", 404),
        ("POST", "/channel/links/a", 405),
    ],
)
def test_nothing_else_is_forwarded(method, path, status):
    assert forward(method, path).status_code == status


def test_what_proxies_and_browsers_need_of_the_answer_comes_along():
    headers = {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
        "retry-after": "1",
        "set-cookie": "a=b",
    }
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=b"data: 1\n\n"))
    answer = forward("GET", "/channel/frames", transport=transport)
    own = {name: value for name, value in answer.headers.items() if name in headers}
    assert own == {name: value for name, value in headers.items() if name != "set-cookie"}


@pytest.mark.parametrize("error", [httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_request_on_a_connection_that_was_just_closed_is_sent_again(method, error):
    seen = []

    def answer(request):
        seen.append(request.content)
        if len(seen) == 1:
            raise error("closed")
        return httpx.Response(200, content=b"[]")

    answered = forward(method, "/channel/links/a", httpx.MockTransport(answer), content=b"{}")
    assert answered.status_code == 200
    assert seen[:2] == [b"{}", b"{}"]


def test_a_connection_that_is_closed_again_and_again_is_an_error():
    num_sent = 0

    def close(_):
        nonlocal num_sent
        num_sent += 1
        raise httpx.ReadError("closed")

    assert forward("GET", "/channel/links", httpx.MockTransport(close)).status_code == 503
    assert num_sent == 2


def test_a_large_body_is_refused():
    response = forward("PATCH", "/channel/links/car", content=b"x" * (MAX_BODY_BYTES + 1))
    assert response.status_code == 413
    assert response.json()["error"]["field"] == "body"


@pytest.mark.parametrize(
    ("error", "status"), [(httpx.ConnectError("no"), 503), (httpx.ReadTimeout("late"), 504)]
)
def test_a_channel_service_that_does_not_answer_is_named(error, status):
    def fail(request):
        raise error

    response = forward("GET", "/channel/links", transport=httpx.MockTransport(fail))
    assert response.status_code == status
    assert "channel_service" in response.json()["error"]["message"]


def test_a_live_view_ends_when_the_service_stops():
    class Silent(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b"data: 1\n\n"
            await asyncio.Event().wait()

    async def read():
        transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=Silent()))
        forwarder = ChannelForwarder("http://channel:1", transport=transport)
        request = Request({"type": "http", "method": "GET", "query_string": b"", "headers": []}, _no_body)
        chunks = (await forwarder.forward(request, "/frames")).body_iterator
        first = await anext(chunks)
        asyncio.get_running_loop().call_later(0.05, forwarder._closed.set)
        rest = [chunk async for chunk in chunks]
        await forwarder.close()
        return first, rest

    assert asyncio.run(asyncio.wait_for(read(), 5)) == (b"data: 1\n\n", [])


async def _no_body():
    return {"type": "http.request", "body": b"", "more_body": False}


def get(app, path, **headers):
    async def call():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(call())


def test_with_a_token_the_page_itself_stays_open_and_nothing_else_does():
    app = build_app(
        "t", "d", ready=None, registry=CollectorRegistry(), access=Access("a" * 16), open_paths=("/page/",)
    )
    app.add_api_route("/", lambda: "page")
    app.add_api_route("/tasks", lambda: "tasks")
    assert [get(app, path).status_code for path in ("/", "/tasks", "/metrics")] == [200, 401, 401]


@pytest.mark.parametrize(
    ("origins", "allowed"), [("", None), ("https://a.org,https://b.org", "https://b.org")]
)
def test_other_pages_may_call_only_where_a_setting_says_so(origins, allowed):
    app = build_app("t", "d", ready=None, registry=CollectorRegistry())
    allow_origins(app, origins)
    headers = get(app, "/healthz", Origin="https://b.org").headers
    assert headers.get("access-control-allow-origin") == allowed
