"""Keeps a service alive: starts it again when it dies, after growing pauses, and gives up in the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

_FIRST_PAUSE_S = 0.5
_MAX_DEATHS = 5
# A service that ran for this long since its last start counts as sound: its earlier deaths are forgotten.
_SOUND_S = 60.0


class Restartable(Protocol):
    """A service as the keeper sees it; `semcom.stack.ServiceProcess` is one."""

    name: str

    def status(self) -> int | None:
        """The exit status; None while the process lives."""

    def is_ready(self) -> bool:
        """Whether it can serve."""

    def start_again(self) -> None:
        """Start a process in place of the one that ended."""


class Keeper:
    """Watches one service; `check` is called again and again.

    died ──▶ pause 0.5, 1, 2, 4 s ──▶ started ──▶ ready: back
      ▲                                  │
      └───────── died within 60 s ◀──────┘   the fifth death in a row ends it

    Args:
        service: Running now.
        on_event: Told what happens, in one sentence each time.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        service: Restartable,
        on_event: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service, self._on_event, self._clock = service, on_event, clock
        self._num_deaths = 0
        self._started = clock()
        self._due: float | None = None
        self._is_back = True

    def check(self) -> bool:
        """Do what is due now.

        Returns:
            False once the service is given up.
        """
        if self._due is not None:
            self._start_when_due(self._due)
            return True
        status = self._service.status()
        if status is not None:
            return self._plan_restart(status)
        if not self._is_back and self._service.is_ready():
            self._is_back = True
            self._on_event(f"{self._service.name} is back")
        return True

    def _plan_restart(self, status: int) -> bool:
        now = self._clock()
        self._num_deaths = 1 if now - self._started >= _SOUND_S else self._num_deaths + 1
        if self._num_deaths >= _MAX_DEATHS:
            return False
        pause_s = _FIRST_PAUSE_S * 2 ** (self._num_deaths - 1)
        self._due, self._is_back = now + pause_s, False
        self._on_event(
            f"{self._service.name} ended with status {status} (death {self._num_deaths} of {_MAX_DEATHS}); "
            f"it is started again in {pause_s:g} s, the others stay"
        )
        return True

    def _start_when_due(self, due: float) -> None:
        now = self._clock()
        if now >= due:
            self._service.start_again()
            self._started, self._due = now, None
