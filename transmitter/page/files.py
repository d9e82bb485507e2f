"""The page at GET /: its files, the samples that it offers, and the headers that keep it to itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import UnknownName
from shared.link_settings import SETTINGS_FILE
from shared.runtime.http_runtime import route_path

STATIC = Path(__file__).parent / "static"
SAMPLES = Path(__file__).parents[2] / "samples"
PREFIX = "/page/"

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every file of the page. No script or style runs that the page's own service did not send as a file."""


def page_routes(static: Path = STATIC, samples: Path = SAMPLES) -> APIRouter:
    """GET /, and the files of the page and of its samples below /page/.

    Args:
        static: Folder of the page's files.
        samples: Folder with `samples.json` and the files that it names; without it no sample is offered.
    """
    router = APIRouter(include_in_schema=False)
    rows = _read_samples(samples)
    sample_files = {path for row in rows for path in row.get("files", {}).values()}
    page_files = {path.relative_to(static).as_posix() for path in static.rglob("*") if path.is_file()}

    @router.get("/")
    async def index() -> Response:
        return FileResponse(static / "index.html")

    @router.get(PREFIX + "samples.json")
    async def list_samples() -> Response:
        return JSONResponse(rows)

    @router.get(PREFIX + "link-settings.json")
    async def link_settings() -> Response:
        return FileResponse(SETTINGS_FILE)

    @router.get(PREFIX + "samples/{path:path}")
    async def sample(path: str) -> Response:
        return _file(samples, path, sample_files)

    @router.get(PREFIX + "{path:path}")
    async def file(path: str) -> Response:
        return _file(static, path, page_files)

    return router


def _read_samples(folder: Path) -> list[dict[str, Any]]:
    index = folder / "samples.json"
    rows: list[dict[str, Any]] = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else []
    return rows


def _file(folder: Path, path: str, known: set[str]) -> Response:
    """A file out of those that were there at the start, so that no path leads out of the folder."""
    if path not in known:
        raise UnknownName("path", path, "a file of the page")
    return FileResponse(folder / path)


class PageHeaders:
    """Adds `HEADERS` to the answers of the page's own paths."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = route_path(scope)
        if scope["type"] != "http" or not (path == "/" or path.startswith(PREFIX)):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
