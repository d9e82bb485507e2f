"""Identifiers of requests and instances, made without a system call.

`uuid.uuid4` asks the kernel each time. The call gives up the interpreter's lock, and under load the event
loop waits long to have it back.
"""

from __future__ import annotations

import random
import uuid

_RANDOM = random.Random()  # seeded by the kernel, once a process


def new_uuid() -> uuid.UUID:
    """A random UUID (version 4); not for secrets."""
    return uuid.UUID(int=_RANDOM.getrandbits(128), version=4)
