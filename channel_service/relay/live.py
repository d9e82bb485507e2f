"""The live view: viewers see frames while they are relayed, and the relay never waits for a viewer."""

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

from channel_service.relay.frames import RelayedFrame
from channel_service.relay.metrics import Metrics
from protos.semcom.v1 import frame_pb2, receiver_pb2
from shared.errors import TooMany
from shared.signal import equalise
from shared.wire import unpack_symbols

MAX_SYMBOLS_SHOWN = 1024
MAX_VIEWERS = 16
MAX_WAITING = 64
_FRAME_FIELDS = ("instance_id", "task", "system")
_STATE_FIELDS = (
    *("link", "channel", "fading", "csi", "seed", "frame_number"),
    *("requested_snr_db", "realised_snr_db", "network_delay_ms"),
)
_Symbols = NDArray[np.complex64]


@dataclass(frozen=True)
class LiveFrame:
    """One relayed frame as the live view shows it.

    Attributes:
        number: Number of frames relayed before this one since the service started.
        time: Time at which its row was stored, UTC.
        fields: Names, settings and measured values of the frame, by name.
        sent: The frame's first symbols x, complex64, at most MAX_SYMBOLS_SHOWN.
        received: The same symbols after the channel, y; empty if the frame was lost.
        equalised: The same symbols after MMSE equalisation, x_hat, with the receiver's knowledge of the gain.
    """

    number: int
    time: datetime
    fields: Mapping[str, Any]
    sent: _Symbols
    received: _Symbols
    equalised: _Symbols


@dataclass(frozen=True)
class Selection:
    """Which frames a viewer wants to see. An empty name selects every frame.

    Attributes:
        task: Only frames of this task.
        system: Only frames of this system.
        link: Only frames of this link.
    """

    task: str = ""
    system: str = ""
    link: str = ""

    def matches(self, frame: frame_pb2.Frame, link: str) -> bool:
        """True if the selection contains a frame of this link."""
        wanted = ((self.task, frame.task), (self.system, frame.system), (self.link, link))
        return all(name in ("", actual) for name, actual in wanted)


class View:
    """Queue of frames for one viewer. When MAX_WAITING frames wait, the oldest is dropped and counted.

    Args:
        selection: Which frames the viewer wants to see.

    Attributes:
        num_dropped: Number of frames dropped because the viewer was too slow.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._waiting: deque[LiveFrame] = deque()
        self._changed = asyncio.Event()
        self._is_closed = False
        self.num_dropped = 0

    async def __aiter__(self) -> AsyncIterator[LiveFrame]:
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._is_closed:
                return
            self._changed.clear()
            await self._changed.wait()

    def wants(self, frame: frame_pb2.Frame, link: str) -> bool:
        """True if this viewer wants to see a frame of this link."""
        return self._selection.matches(frame, link)

    def put(self, live_frame: LiveFrame) -> bool:
        """Add a frame to the queue; returns False if an older frame was dropped for it."""
        is_full = len(self._waiting) == MAX_WAITING
        if is_full:
            self._waiting.popleft()
            self.num_dropped += 1
        self._waiting.append(live_frame)
        self._changed.set()
        return not is_full

    def close(self) -> None:
        """End the view after the viewer has seen the waiting frames."""
        self._is_closed = True
        self._changed.set()


class LiveFeed:
    """Sends relayed frames to every viewer; runs on the event loop and never waits.

    Args:
        metrics: Counts viewers and dropped frames.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._views: set[View] = set()
        self._numbers = count()
        self._is_closed = False

    @contextlib.contextmanager
    def watch(self, selection: Selection) -> Iterator[View]:
        """A view that is open for the duration of the `with` block.

        Args:
            selection: Which frames the viewer wants to see.

        Raises:
            TooMany: If there are MAX_VIEWERS viewers already.
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
        relayed_frames: Sequence[RelayedFrame],
        answers: Sequence[receiver_pb2.Answer | None],
        status: str,
    ) -> None:
        """Send relayed frames to the viewers that want them. Without such a viewer nothing is computed.

        Args:
            relayed_frames: Frames whose rows have been stored.
            answers: The receiver's answer to each frame; None where there is none.
            status: OK, or the class of the error.
        """
        for relayed, answer in zip(relayed_frames, answers, strict=True):
            number = next(self._numbers)
            views = [view for view in self._views if view.wants(relayed.sent, relayed.received.state.link)]
            if not views:
                continue
            live_frame = _live_frame(number, relayed, answer, status)
            for view in views:
                if not view.put(live_frame):
                    self._metrics.live_dropped.inc()

    def close(self) -> None:
        """End every view, and every view that is opened later."""
        self._is_closed = True
        for view in self._views:
            view.close()


def _live_frame(
    number: int, relayed: RelayedFrame, answer: receiver_pb2.Answer | None, status: str
) -> LiveFrame:
    frame, state = relayed.sent, relayed.received.state
    fields = {
        "status": status,
        **{name: getattr(frame, name) for name in _FRAME_FIELDS},
        **{name: getattr(state, name) for name in _STATE_FIELDS},
        "post_equalisation_snr_db": answer.post_equalisation_snr_db if answer else None,
        "channel_uses": relayed.overhead.channel_uses,
    }
    symbols = (unpack_symbols(frame.symbols), *_received_and_equalised(relayed.received))
    return LiveFrame(number, datetime.now(UTC), fields, *map(_first, symbols))


def _received_and_equalised(received: frame_pb2.ReceivedFrame) -> tuple[_Symbols, _Symbols]:
    """Received and equalised symbols; they are the same if the receiver knows nothing of the gain."""
    state = received.state
    if not received.frame.HasField("symbols"):
        empty = np.empty((0, 0), dtype=np.complex64)
        return empty, empty
    y = unpack_symbols(received.frame.symbols)
    if state.HasField("gains"):
        return y, equalise(y, unpack_symbols(state.gains), state.noise_variance)
    if state.HasField("received_pilots"):
        gain = unpack_symbols(state.received_pilots).mean(axis=1, keepdims=True, dtype=np.complex64)
        return y, equalise(y, gain, state.noise_variance)
    return y, y


def _first(x: _Symbols) -> _Symbols:
    """A copy of the first symbols, so that a waiting frame does not keep all its symbols in memory."""
    return x.ravel()[:MAX_SYMBOLS_SHOWN].copy()
