"""The live view: what happens to frames right now, for whoever watches; the relay never waits for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from channel_service.metrics import Metrics
from channel_service.relay.frames import Passage
from protos.semcom.v1 import frame_pb2, receiver_pb2
from shared.errors import TooMany
from shared.signal import equalise
from shared.wire import unpack_symbols

MAX_SYMBOLS_SHOWN = 1024
MAX_VIEWERS = 16
MAX_WAITING = 64
_FRAME_FACTS = ("instance_id", "task", "system")
_STATE_FACTS = (
    *("link", "channel", "fading", "csi", "seed", "frame_number"),
    *("requested_snr_db", "realised_snr_db", "network_delay_ms"),
)
_Symbols = NDArray[np.complex64]


@dataclass(frozen=True)
class Sighting:
    """One relayed frame as the live view shows it.

    Attributes:
        number: Counts the frames relayed since the service has been up.
        time: When its row was stored, UTC.
        facts: Names, settings and figures of the frame, by name.
        sent: x, complex64, the frame's first symbols, at most MAX_SYMBOLS_SHOWN.
        received: y of the same; empty where nothing arrived.
        equalised: x_hat of the same, by MMSE with what the receiver knows of the gain.
    """

    number: int
    time: datetime
    facts: Mapping[str, Any]
    sent: _Symbols
    received: _Symbols
    equalised: _Symbols


@dataclass(frozen=True)
class Selection:
    """Which frames a viewer wants; all where a name is empty."""

    task: str = ""
    system: str = ""
    link: str = ""

    def has(self, frame: frame_pb2.Frame, link: str) -> bool:
        """True where the frame is wanted."""
        wanted = ((self.task, frame.task), (self.system, frame.system), (self.link, link))
        return all(name in ("", actual) for name, actual in wanted)


class View:
    """One viewer's frames: the latest MAX_WAITING that he has not seen, older ones dropped and counted.

    Attributes:
        num_dropped: Frames he was too slow for.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._waiting: deque[Sighting] = deque()
        self._changed = asyncio.Event()
        self._is_closed = False
        self.num_dropped = 0

    async def __aiter__(self) -> AsyncIterator[Sighting]:
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._is_closed:
                return
            self._changed.clear()
            await self._changed.wait()

    def wants(self, frame: frame_pb2.Frame, link: str) -> bool:
        """True where this viewer asked for such frames."""
        return self._selection.has(frame, link)

    def show(self, sighting: Sighting) -> bool:
        """Let it wait for the viewer; False where an older one had to go."""
        is_full = len(self._waiting) == MAX_WAITING
        if is_full:
            self._waiting.popleft()
            self.num_dropped += 1
        self._waiting.append(sighting)
        self._changed.set()
        return not is_full

    def close(self) -> None:
        """End it once what waits has been seen."""
        self._is_closed = True
        self._changed.set()


class LiveFeed:
    """Tells every viewer of relayed frames; runs on the event loop and never waits."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._views: set[View] = set()
        self._numbers = count()
        self._is_closed = False

    @contextlib.contextmanager
    def watch(self, selection: Selection) -> Iterator[View]:
        """A view that lasts as long as the block.

        Raises:
            TooMany: If MAX_VIEWERS watch already.
        """
        if len(self._views) >= MAX_VIEWERS:
            raise TooMany("viewers", len(self._views) + 1, f"at most {MAX_VIEWERS} at a time")
        view = View(selection)
        if self._is_closed:
            view.close()
        self._views.add(view)
        self._metrics.live_viewers.inc()
        try:
            yield view
        finally:
            self._views.discard(view)
            self._metrics.live_viewers.dec()

    def publish(
        self,
        passages: Sequence[Passage],
        answers: Sequence[receiver_pb2.Answer | None],
        status: str,
    ) -> None:
        """Show relayed frames to whoever wants them; costs nothing where nobody does."""
        for passage, answer in zip(passages, answers, strict=True):
            number = next(self._numbers)
            views = [view for view in self._views if view.wants(passage.sent, passage.received.state.link)]
            if not views:
                continue
            sighting = _sight(number, passage, answer, status)
            for view in views:
                if not view.show(sighting):
                    self._metrics.live_dropped.inc()

    def close(self) -> None:
        """End every view, and those still to come."""
        self._is_closed = True
        for view in self._views:
            view.close()


def _sight(number: int, passage: Passage, answer: receiver_pb2.Answer | None, status: str) -> Sighting:
    frame, state = passage.sent, passage.received.state
    facts = {
        "status": status,
        **{name: getattr(frame, name) for name in _FRAME_FACTS},
        **{name: getattr(state, name) for name in _STATE_FACTS},
        "post_equalisation_snr_db": answer.post_equalisation_snr_db if answer else None,
        "channel_uses": passage.overhead.channel_uses,
    }
    symbols = (unpack_symbols(frame.symbols), *_arrived(passage.received))
    return Sighting(number, datetime.now(UTC), facts, *map(_first, symbols))


def _arrived(received: frame_pb2.ReceivedFrame) -> tuple[_Symbols, _Symbols]:
    """Received and equalised symbols of a frame; as received where the receiver knows nothing of the gain."""
    state = received.state
    if not received.frame.HasField("symbols"):
        nothing = np.empty((0, 0), dtype=np.complex64)
        return nothing, nothing
    y = unpack_symbols(received.frame.symbols)
    if state.HasField("gains"):
        return y, equalise(y, unpack_symbols(state.gains), state.noise_variance)
    if state.HasField("received_pilots"):
        gain = unpack_symbols(state.received_pilots).mean(axis=1, keepdims=True, dtype=np.complex64)
        return y, equalise(y, gain, state.noise_variance)
    return y, y


def _first(x: _Symbols) -> _Symbols:
    """A copy, so that what waits for a viewer holds on to no whole frame."""
    return x.ravel()[:MAX_SYMBOLS_SHOWN].copy()
