"""What is at work in a service, so that it can end before the service does.

stop ──▶ begin: not ready, new requests are refused ──▶ idle: requests at work have ended, or time is up
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from shared.errors import Stopping


class Drain:
    """Counts the requests at work on one event loop."""

    def __init__(self) -> None:
        self._at_work = 0
        self._is_stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    def check(self) -> None:
        """Make sure that new requests are still taken.

        Raises:
            Stopping: Once `begin` was called.
        """
        if self._is_stopping:
            raise Stopping

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Count one request as at work."""
        self._at_work += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._at_work -= 1
            if not self._at_work:
                self._idle.set()

    def begin(self) -> None:
        """Take no further requests."""
        self._is_stopping = True

    async def wait_idle(self) -> None:
        """Wait until nothing is at work."""
        await self._idle.wait()
