"""A bounded number of requests in hand, and of bytes that they hold: what is beyond it is refused at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from shared.errors import TooMany


class Slots:
    """Slots for the requests of one event loop.

    Args:
        capacity: Requests in hand at a time, at least 1.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity, self._taken = capacity, 0

    def check(self) -> None:
        """Make sure that one is free now.

        Raises:
            TooMany: If all are taken.
        """
        if self._taken >= self._capacity:
            allowed = f"at most {self._capacity} at a time; try again later"
            raise TooMany("requests", self._taken + 1, allowed)

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        """Hold one place.

        Raises:
            TooMany: If all are taken.
        """
        self.check()
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


class Room:
    """Room for the bodies that the requests of one event loop hold.

    Args:
        capacity: Bytes at a time.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity, self._held = capacity, 0

    @contextlib.contextmanager
    def hold(self) -> Iterator[Callable[[int], None]]:
        """Hold what one request has sent.

        Yields:
            To be called with the size of each piece [bytes]; it raises TooMany where there is no room for it.
        """
        size = 0

        def grow(num_bytes: int) -> None:
            nonlocal size
            if self._held + num_bytes > self._capacity:
                allowed = f"at most {self._capacity} at a time; try again later"
                raise TooMany("bytes of requests", self._held + num_bytes, allowed)
            size += num_bytes
            self._held += num_bytes

        try:
            yield grow
        finally:
            self._held -= size
