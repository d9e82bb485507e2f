"""Recordings and traces over HTTP: list, download and upload."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field

from channel_service.links.recording import Recordings
from channel_service.links.traces import Traces
from shared.errors import TooLarge, UnsupportedMedia
from shared.runtime.http_runtime import error_responses
from shared.wire import MAX_MESSAGE_BYTES

RECORDING_TYPE = "application/jsonl"
_CHUNK_BYTES = 1 << 16
# Suffix of a trace's file, by media type of the request body.
TRACE_SUFFIXES: Mapping[str, str] = {"text/csv": ".csv", "application/octet-stream": ".npy"}

RecordingName = Annotated[str, Path(description="Name of the recording.", examples=["drive-1"])]
TraceName = Annotated[str, Path(description="Name of the trace.", examples=["walk"])]


class Names(BaseModel):
    """Names of the recordings that links can replay and of the traces that they can play."""

    recordings: list[str] = Field(description="Names of the recordings.", examples=[["drive-1"]])
    traces: list[str] = Field(description="Names of the traces.", examples=[["walk"]])


class StoredRecording(BaseModel):
    """A recording that was stored."""

    name: str = Field(description="Name of the recording.", examples=["drive-1"])
    num_frames: int = Field(description="Number of frames in it.", examples=[100])


class StoredTrace(BaseModel):
    """A trace that was stored."""

    name: str = Field(description="Name of the trace.", examples=["walk"])
    num_gains: int = Field(description="Number of gains in it.", examples=[1000])


def add_recording_routes(app: FastAPI, recordings: Recordings, traces: Traces) -> None:
    """Add /recordings and /traces to an app.

    Args:
        app: The service's app.
        recordings: The recordings, shared with the links.
        traces: The traces, shared with the links.
    """
    app.include_router(_download_routes(recordings, traces))
    app.include_router(_upload_routes(recordings, traces))


def _download_routes(recordings: Recordings, traces: Traces) -> APIRouter:
    router = APIRouter(tags=["recordings"])

    @router.get("/recordings", summary="Names of all recordings and traces.")
    async def list_recordings() -> Names:
        return Names(recordings=recordings.names(), traces=traces.names())

    @router.get(
        "/recordings/{name}",
        summary="Download a recording: one line of JSON for each frame.",
        response_class=FileResponse,
        responses=error_responses(404),
    )
    async def get_recording(name: RecordingName) -> Response:
        path = recordings.path(name)
        num_bytes = await asyncio.to_thread(recordings.num_bytes, name)
        headers = {"Content-Length": str(num_bytes)}
        return StreamingResponse(_first_bytes(path, num_bytes), media_type=RECORDING_TYPE, headers=headers)

    return router


def _first_bytes(path: FilePath, num_bytes: int) -> Iterator[bytes]:
    """The file as it was when its size was read: a link may be recording frames into it."""
    with path.open("rb") as file:
        while num_bytes and (chunk := file.read(min(num_bytes, _CHUNK_BYTES))):
            num_bytes -= len(chunk)
            yield chunk


def _upload_routes(recordings: Recordings, traces: Traces) -> APIRouter:
    router = APIRouter(tags=["recordings"], responses=error_responses(413, 415, 422))

    @router.put(
        "/recordings/{name}",
        status_code=201,
        summary="Upload a recording under a new name.",
        openapi_extra=_body_of(RECORDING_TYPE),
    )
    async def put_recording(request: Request, name: RecordingName) -> StoredRecording:
        _media_type(request, (RECORDING_TYPE,))
        data = await _read(request)
        return StoredRecording(name=name, num_frames=await asyncio.to_thread(recordings.store, name, data))

    @router.put(
        "/traces/{name}",
        status_code=201,
        summary="Upload a trace under a new name: lines re,im, or a NumPy file.",
        openapi_extra=_body_of(*TRACE_SUFFIXES),
    )
    async def put_trace(request: Request, name: TraceName) -> StoredTrace:
        suffix = TRACE_SUFFIXES[_media_type(request, tuple(TRACE_SUFFIXES))]
        data = await _read(request)
        return StoredTrace(name=name, num_gains=await asyncio.to_thread(traces.store, name, suffix, data))

    return router


def _body_of(*media_types: str) -> dict[str, Any]:
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {"requestBody": {"required": True, "content": dict.fromkeys(media_types, binary)}}


def _media_type(request: Request, allowed: tuple[str, ...]) -> str:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if media_type not in allowed:
        raise UnsupportedMedia("content-type", media_type, ", ".join(allowed))
    return media_type


async def _read(request: Request) -> bytes:
    """The request body; raises TooLarge if it has more than MAX_MESSAGE_BYTES."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_MESSAGE_BYTES:
            raise TooLarge("body", f"over {MAX_MESSAGE_BYTES} bytes", f"at most {MAX_MESSAGE_BYTES} bytes")
    return bytes(data)
