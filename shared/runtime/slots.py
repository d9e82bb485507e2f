"""A bounded number of requests in hand: one that comes when all places are taken is refused at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from shared.errors import TooMany


class Places:
    """Places for the requests of one event loop.

    Args:
        capacity: Requests in hand at a time, at least 1.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity, self._taken = capacity, 0

    @contextlib.contextmanager
    def take(self) -> Iterator[None]:
        """Hold one place.

        Raises:
            TooMany: If all are taken.
        """
        if self._taken >= self._capacity:
            allowed = f"at most {self._capacity} at a time; try again later"
            raise TooMany("requests", self._taken + 1, allowed)
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
