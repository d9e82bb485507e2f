"""Signals that end a command: as Ctrl-C does, or at a point the work chooses."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP as Ctrl-C within the block; those ignored so far (nohup) stay ignored."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled((signal.SIGTERM, signal.SIGHUP), interrupt):
        yield


@contextlib.contextmanager
def signals_noted() -> Iterator[threading.Event]:
    """Note SIGINT, SIGTERM and SIGHUP within the block, for work that looks between two of its steps.

    An exception out of a signal's handler would stop a step in its middle, and is lost where native code that
    calls Python drops it. Signals ignored so far stay ignored.

    Yields:
        Set once a signal has come.
    """
    noted = threading.Event()
    with _handled((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), lambda number, frame: noted.set()):
        yield noted


@contextlib.contextmanager
def _handled(
    numbers: tuple[signal.Signals, ...], handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, handler) for number in heeded}
    try:
        yield
    finally:
        for number, earlier in previous.items():
            signal.signal(number, earlier)
