"""Signals that end a command as Ctrl-C does."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def ended_by_signals(*, once: bool = False) -> Iterator[None]:
    """Treat SIGTERM and SIGHUP as Ctrl-C within the block; those ignored so far (nohup) stay ignored.

    Args:
        once: Ignore all but the first, so that what the block does at its end is not cut short. A scheduler
            may signal a process itself and again through the process that started it.
    """
    numbers = [
        number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN
    ]

    def interrupt(number: int, frame: object) -> None:
        if once:
            for own in numbers:
                signal.signal(own, signal.SIG_IGN)
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
