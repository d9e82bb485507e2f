"""Reads the body of POST /transmit: the bytes of each modality of the task, never beyond the limit."""

from __future__ import annotations

import asyncio
import codecs
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import ValidationError
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from shared.errors import InvalidField, TooLarge, UnsupportedMedia
from shared.tasks import MODALITIES, Modality, Task
from transmitter.queries import TEXT_DESCRIPTION, TextBody

# Room for one field too many of each modality, so that the message can name it.
_MAX_PARTS = 2 * len(MODALITIES)
_DRAIN_FACTOR = 4
# A larger form is parsed in a thread: of megabytes it takes seconds.
_MAX_BYTES_AT_ONCE = 1 << 15

_Fields = list[tuple[str, bytes]]


async def read_fields(
    request: Request, task: Task, max_bytes: int, hold: Callable[[int], None] = lambda _: None
) -> dict[Modality, bytes]:
    """Read exactly the fields that a task takes.

    Args:
        request: With its body unread.
        task: What the fields are for.
        max_bytes: Of the whole body; enforced while it is read.
        hold: Called with the size of each piece of the body before it is kept [bytes]; what it raises ends
            the reading.

    Returns:
        Bytes as uploaded, for each of the task's modalities.

    Raises:
        TooLarge: If the body is, or says it is, larger than max_bytes.
        UnsupportedMedia: If it is neither a form nor JSON.
        InvalidField: If it does not parse, or a field is missing, unknown or sent twice.
    """
    content_type = request.headers.get("content-type", "")
    media_type = parse_options_header(content_type)[0].decode("latin-1")
    if media_type not in _READERS:
        raise UnsupportedMedia("content-type", content_type, ", ".join(_READERS))
    try:
        fields = await _READERS[media_type](request, _limited(request, max_bytes, hold), max_bytes)
    except TooLarge:
        await _drain(request, _DRAIN_FACTOR * max_bytes)
        raise
    except ClientDisconnect:
        raise InvalidField("body", "cut short by the client", "a whole body") from None
    return _pick(fields, task)


async def _limited(request: Request, max_bytes: int, hold: Callable[[int], None]) -> AsyncIterator[bytes]:
    """The body's chunks, as long as they stay within the limit."""
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > max_bytes:
        raise TooLarge("body", f"{stated} bytes", f"at most {max_bytes} bytes")
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > max_bytes:
            raise TooLarge("body", f"more than {max_bytes} bytes", f"at most {max_bytes} bytes")
        hold(len(chunk))
        yield chunk


async def _drain(request: Request, max_bytes: int) -> None:
    """Read on without keeping anything, so that a client that is still writing gets to read the refusal."""
    if "expect" in request.headers:  # this one waits for leave to send, and gets none
        return
    received = 0
    try:
        while received < max_bytes:
            message = await request.receive()
            received += len(message.get("body", b""))
            if not message.get("more_body", False):
                return
    except (ClientDisconnect, HTTPException):  # the latter where the body pauses
        return


async def _read_json(_: Request, chunks: AsyncIterator[bytes], __: int) -> _Fields:
    body = b"".join([chunk async for chunk in chunks])
    try:
        text = TextBody.model_validate_json(body.removeprefix(codecs.BOM_UTF8)).text
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, problem["loc"])) or "body"
        raise InvalidField(field, problem["msg"], '{"text": "..."} as JSON') from None
    return [] if text is None else [("text", text.encode("utf-8"))]


async def _read_urlencoded(_: Request, chunks: AsyncIterator[bytes], __: int) -> _Fields:
    body = b"".join([chunk async for chunk in chunks])
    if len(body) <= _MAX_BYTES_AT_ONCE:
        return _parse_urlencoded(body)
    return await asyncio.to_thread(_parse_urlencoded, body)


def _parse_urlencoded(body: bytes) -> _Fields:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARTS
        )
    except ValueError as error:  # of which UnicodeDecodeError is one
        raise InvalidField("body", error, "text=... percent-encoded, one field a modality") from None
    return [(name, value.encode("utf-8")) for name, value in pairs]


async def _read_multipart(request: Request, chunks: AsyncIterator[bytes], max_bytes: int) -> _Fields:
    fields: _Fields = []
    ended: list[bool] = []

    def keep(name: bytes | None, value: bytes) -> None:
        if len(fields) == _MAX_PARTS:
            raise InvalidField("body", f"more than {_MAX_PARTS} fields", "one field a modality")
        fields.append(((name or b"").decode("utf-8", "replace"), value))

    content_type = request.headers["content-type"]
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise InvalidField("content-type", content_type, "multipart/form-data with a boundary")
    try:
        parser = FormParser(
            "multipart/form-data",
            lambda part: keep(part.field_name, _value_of_field(part)),
            lambda part: keep(part.field_name, _value_of_file(part)),
            on_end=lambda: ended.append(True),
            boundary=boundary,
            # The limit on the body bounds the memory, so nothing needs a temporary file.
            config={"MAX_MEMORY_FILE_SIZE": max_bytes + 1, "UPLOAD_ERROR_ON_BAD_CTE": True},
        )
        async for chunk in _from_boundary(chunks, boundary):
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise InvalidField("body", error, "multipart/form-data") from None
    if not ended:
        raise InvalidField("body", "cut short", "multipart/form-data with its closing boundary")
    return fields


async def _from_boundary(chunks: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[bytes]:
    """A body from its first boundary on; a client may write lines before it (RFC 2046, 5.1.1)."""
    mark, held = b"\r\n--" + boundary, b"\r\n"
    is_preamble = True
    async for chunk in chunks:
        if not is_preamble:
            yield chunk
            continue
        held += chunk
        start = held.find(mark)
        if start < 0:
            held = held[-(len(mark) - 1) :]
        else:
            is_preamble = False
            yield held[start + 2 :]


def _value_of_field(part: Field) -> bytes:
    return part.value or b""


def _value_of_file(part: File) -> bytes:
    part.file_object.seek(0)
    return part.file_object.read()


def _pick(fields: _Fields, task: Task) -> dict[Modality, bytes]:
    """Hold the fields against what the task takes."""
    allowed = f"for {task.name} exactly: {', '.join(task.modalities)}"
    counts = Counter(name for name, _ in fields)
    for name, count in counts.items():
        if name not in task.modalities:
            raise InvalidField(name or "body", "a field this task does not take", allowed)
        if count > 1:
            raise InvalidField(name, f"sent {count} times", f"{allowed}, each once")
    values: Mapping[str, bytes] = dict(fields)
    for modality in task.modalities:
        if modality not in values:
            raise InvalidField(modality, "(absent)", allowed)
    return {modality: values[modality] for modality in task.modalities}


_READERS: Mapping[str, Callable[[Request, AsyncIterator[bytes], int], Awaitable[_Fields]]] = {
    "multipart/form-data": _read_multipart,
    "application/json": _read_json,
    "application/x-www-form-urlencoded": _read_urlencoded,
}

REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "description": "Exactly the modalities of the task; see GET /tasks.",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "text": {
                        "type": "string",
                        "description": TEXT_DESCRIPTION,
                        "examples": ["what shape is present?"],
                    },
                    "image": {
                        "type": "string",
                        "format": "binary",
                        "description": "PNG, JPEG, WebP, BMP or GIF file; brought to the task's size, for "
                        "image_reconstruction to 32x32 pixels.",
                        "examples": ["circle.png"],
                    },
                    "audio": {
                        "type": "string",
                        "format": "binary",
                        "description": "WAV, FLAC, OGG, MP3, WebM (Opus) or MP4 (AAC) file of at most 60 s.",
                        "examples": ["seven.wav"],
                    },
                    "video": {
                        "type": "string",
                        "format": "binary",
                        "description": "MP4, AVI or WebM file.",
                        "examples": ["waving.mp4"],
                    },
                },
            }
        },
        "application/json": {
            "schema": TextBody.model_json_schema(),
            "example": {"text": "a warm and funny film"},
        },
        "application/x-www-form-urlencoded": {
            "schema": TextBody.model_json_schema(),
            "example": {"text": "a warm and funny film"},
        },
    },
}
"""The body of POST /transmit as OpenAPI states it."""
