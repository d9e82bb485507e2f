"""Ways to spoil bytes and messages, each by its own random source so that a finding can be made again."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_MAX_FLIPS = 16
_MAX_RUN = 64


def _flip_bits(data: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.randint(1, _MAX_FLIPS)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def _truncate(data: bytearray, rng: random.Random) -> bytearray:
    return data[: rng.randrange(len(data))]


def _blank(data: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.randint(1, _MAX_RUN))
    data[start:end] = bytes([rng.choice((0, 255))]) * (end - start)
    return data


def _repeat(data: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(data))
    piece = data[start : start + rng.randint(1, _MAX_RUN)]
    return data[:start] + piece * rng.randint(2, 8) + data[start:]


def _insert(data: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(data) + 1)
    return data[:start] + rng.randbytes(rng.randint(1, _MAX_RUN)) + data[start:]


def _spoil_head(data: bytearray, rng: random.Random) -> bytearray:
    """Lengths and sizes stand in the head of most formats."""
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(min(len(data), _MAX_RUN))] = rng.choice((0, 1, 127, 128, 255))
    return data


MUTATIONS: Mapping[str, Callable[[bytearray, random.Random], bytearray]] = {
    "flipped bits": _flip_bits,
    "cut short": _truncate,
    "blanked run": _blank,
    "repeated run": _repeat,
    "inserted bytes": _insert,
    "spoiled head": _spoil_head,
}


def mutate_bytes(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Spoil bytes in one of the ways of MUTATIONS: its name, and what came of it.

    Args:
        data: At least one byte; empty data gets bytes inserted.
        rng: Chooses.
    """
    name = rng.choice(list(MUTATIONS)) if data else "inserted bytes"
    return name, bytes(MUTATIONS[name](bytearray(data), rng))


_EXTREMES: Mapping[int, tuple[Any, ...]] = {
    FieldDescriptor.CPPTYPE_INT32: (0, -1, 2**31 - 1, -(2**31)),
    FieldDescriptor.CPPTYPE_INT64: (0, -1, 2**63 - 1, -(2**63)),
    FieldDescriptor.CPPTYPE_UINT32: (0, 1, 2**16, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 1, 2**53 + 1, 2**64 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: (0.0, -1.0, 1e308, math.inf, -math.inf, math.nan, 1e-320),
    FieldDescriptor.CPPTYPE_FLOAT: (0.0, -1.0, 3e38, math.inf, -math.inf, math.nan, 1e-45),
    FieldDescriptor.CPPTYPE_BOOL: (True, False),
    FieldDescriptor.CPPTYPE_ENUM: (0, 1, 2, 3, 99),
}
_TEXTS = ("", "\x00", "default", "é" * 40, "x" * 65, "x" * 5000, "../../etc", "\U0001f600")


def mutate_fields(message: Message, rng: random.Random) -> str:
    """Set one to three fields somewhere in a message to extreme values, in place: which ones.

    Args:
        message: Of any type; fields that are absent may be set too.
        rng: Chooses.
    """
    places = list(_fields(message))
    chosen = [rng.choice(places) for _ in range(rng.randint(1, 3))]
    for owner, field in chosen:
        _set(owner, field, rng)
    return ", ".join(field.name for _, field in chosen)


def _fields(message: Message) -> Iterator[tuple[Message, Any]]:
    """Every field that is no message, of a message and of all messages in it."""
    for field in message.DESCRIPTOR.fields:
        if field.cpp_type != FieldDescriptor.CPPTYPE_MESSAGE:
            yield message, field
        elif field.is_repeated:
            for child in getattr(message, field.name):
                if isinstance(child, Message):
                    yield from _fields(child)
        elif message.HasField(field.name):
            yield from _fields(getattr(message, field.name))


def _set(owner: Message, field: FieldDescriptor, rng: random.Random) -> None:
    if field.is_repeated:
        values = getattr(owner, field.name)
        values[:] = [_value(field, rng) for _ in range(rng.choice((0, 1, 2, 3, 100)))]
    elif field.type == FieldDescriptor.TYPE_BYTES and getattr(owner, field.name) and rng.random() < 0.8:
        setattr(owner, field.name, mutate_bytes(getattr(owner, field.name), rng)[1])
    else:
        setattr(owner, field.name, _value(field, rng))


def _value(field: FieldDescriptor, rng: random.Random) -> Any:
    if field.type == FieldDescriptor.TYPE_BYTES:
        return rng.randbytes(rng.choice((0, 1, 127, 128, 4096)))
    if field.type == FieldDescriptor.TYPE_STRING:
        return rng.choice(_TEXTS)
    return rng.choice(_EXTREMES[field.cpp_type])
