"""Hostile messages to every method of a gRPC service: fields at their extremes, and spoiled bytes.

No kept tool does this for gRPC, so it is done here, by the descriptors of the contract. A sixth of them is
valid, so that what follows a refusal is seen to work.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import grpc.aio
import numpy as np
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from protos.semcom.v1.frame_pb2 import Symbols
from shared.wire import pack_symbols

_NO_PROXY = [("grpc.enable_http_proxy", 0)]
_CALL_TIMEOUT_S = 15.0
_NUM_CALLERS = 4
_SHAPES = ((1, 16), (1, 4), (7, 16), (30, 8))
_ODD: tuple[Any, ...] = (
    *(0, 1, -1, 2**16, 2**31 - 1, -(2**31), 2**32 - 1, 2**53 + 1, 2**63 - 1, 2**64 - 1, True, False, 99),
    *(-1.0, 1e308, 3e38, math.inf, -math.inf, math.nan, 1e-320, 1e-45),
    *("", "\x00", "default", "é" * 40, "x" * 65, "x" * 5000, "../../etc", "\U0001f600"),
    *(b"", b"\x00", b"\x7f" * 127, bytes(range(256)) * 16),
)
_VALID: Mapping[str, Any] = {
    "instance_id": "hostile-0",
    "name": "hostile",
    "channel": "rician",
    "fading": "block",
    "csi": "perfect",
    "snr_db": 6.0,
    "k_factor_db": 3.0,
    "requested_snr_db": 6.0,
    "noise_variance": 0.25,
    "source_bytes": 100,
    "num_source_values": 100,
    "encode_ms": 1.0,
    "uplink_ms": 1.0,
    "total_ms": 3.0,
}
"""By name of a field a value that the services accept; fields of other names stay absent."""
_EMPTY = {"snr_schedule", "received_pilots", "since", "until"}


def valid_message(message: Message, given: Mapping[str, Any], rng: random.Random) -> Message:
    """Fill a message in place with what the services accept: one of everything.

    Args:
        message: Of any type.
        given: Values by name of a field, beside those of _VALID.
        rng: Draws symbols and their shape.
    """
    known = {**_VALID, **given}
    for field in message.DESCRIPTOR.fields:
        if field.name in _EMPTY or _is_map(field):
            continue
        if field.message_type is not None:
            own = getattr(message, field.name)
            valid_message(own.add() if field.is_repeated else own, given, rng)
        elif field.name in known and not field.is_repeated:
            setattr(message, field.name, known[field.name])
    if isinstance(message, Symbols):
        draw = np.random.default_rng(rng.randrange(2**32))
        symbols = np.exp(2j * np.pi * draw.random(rng.choice(_SHAPES))).astype(np.complex64)
        message.CopyFrom(pack_symbols(symbols, "float32"))
    return message


def spoil_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flip bits, cut, repeat, insert, or spoil the head, where most formats keep lengths and sizes."""
    spoiled = bytearray(data or b"\x00")
    start = rng.randrange(len(spoiled))
    match rng.randrange(5):
        case 0:
            for _ in range(rng.randint(1, 16)):
                spoiled[rng.randrange(len(spoiled))] ^= 1 << rng.randrange(8)
        case 1:
            del spoiled[start:]
        case 2:
            spoiled[start:start] = spoiled[start : start + rng.randint(1, 64)] * rng.randint(1, 7)
        case 3:
            spoiled[start:start] = rng.randbytes(rng.randint(1, 64))
        case 4:
            for _ in range(rng.randint(1, 4)):
                spoiled[rng.randrange(min(len(spoiled), 64))] = rng.choice((0, 1, 127, 128, 255))
    return bytes(spoiled)


def spoil_fields(message: Message, rng: random.Random) -> None:
    """Set one to three fields somewhere in a message to values at their limits, in place."""
    fields = list(_fields(message))
    for owner, field in rng.choices(fields, k=rng.randint(1, 3)) if fields else []:
        if field.type == FieldDescriptor.TYPE_BYTES and rng.random() < 0.8:
            setattr(owner, field.name, spoil_bytes(getattr(owner, field.name), rng))
        else:
            _set_odd(owner, field, rng)


def _set_odd(owner: Message, field: FieldDescriptor, rng: random.Random) -> None:
    """Set a field to the first of the odd values, in a random order, that its type can hold."""
    for value in rng.sample(_ODD, len(_ODD)):
        with suppress(TypeError, ValueError, OverflowError):
            if field.is_repeated:
                getattr(owner, field.name)[:] = [value] * rng.choice((1, 2, 3, 100))
            else:
                setattr(owner, field.name, value)
            return


def _is_map(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _fields(message: Message) -> Iterator[tuple[Message, Any]]:
    """Every field that is no message, of a message and of all messages that are set in it."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None:
            yield message, field
        elif field.is_repeated and not _is_map(field):
            for child in getattr(message, field.name):
                yield from _fields(child)
        elif not field.is_repeated and message.HasField(field.name):
            yield from _fields(getattr(message, field.name))


async def attack(
    service: ServiceDescriptor, address: str, num_inputs: int, frames: list[dict[str, Any]], seed: int
) -> list[dict[str, Any]]:
    """Send spoiled messages to the methods of a service in turn.

    Args:
        service: Of the contract.
        address: "host:port".
        num_inputs: Messages to send.
        frames: Task, system and fingerprint of frames that the receiver accepts.
        seed: Fixes the messages.

    Returns:
        Of each message status, duration_s [s], what it was, and its content.
    """
    rng = random.Random(seed)
    methods = list(service.methods)
    inputs = (_spoiled(methods[number % len(methods)], frames, rng) for number in range(num_inputs))
    rows: list[dict[str, Any]] = []
    async with grpc.aio.insecure_channel(address, options=_NO_PROXY) as channel:

        async def keep_sending() -> None:
            for method, content in inputs:
                started = time.monotonic()
                status = await _status_of(channel, method, content)
                row = {"status": status, "duration_s": time.monotonic() - started}
                rows.append({**row, "what": method.full_name, "content": content})

        await asyncio.gather(*(keep_sending() for _ in range(_NUM_CALLERS)))
    return rows


def _spoiled(
    method: MethodDescriptor, frames: list[dict[str, Any]], rng: random.Random
) -> tuple[MethodDescriptor, bytes]:
    message = valid_message(GetMessageClass(method.input_type)(), rng.choice(frames), rng)
    kind = rng.choice(("valid", "bytes", "bytes", "fields", "fields", "fields"))
    if kind == "bytes":
        return method, spoil_bytes(message.SerializeToString(), rng)
    if kind == "fields":
        spoil_fields(message, rng)
    link = getattr(message, "link", None)
    if isinstance(link, Message) and link.name in ("", "default"):  # type: ignore[attr-defined]
        link.name = "hostile"  # type: ignore[attr-defined]  # the default link carries all other inputs
    return method, message.SerializeToString()


async def _status_of(channel: grpc.aio.Channel, method: MethodDescriptor, content: bytes) -> str:
    """Name of the status that a method answers to bytes, which go over the wire as they are."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    try:
        if method.client_streaming:
            async for _ in channel.stream_stream(path, bytes, bytes)(
                iter([content]), timeout=_CALL_TIMEOUT_S
            ):
                pass
        else:
            await channel.unary_unary(path, bytes, bytes)(content, timeout=_CALL_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    return "OK"
