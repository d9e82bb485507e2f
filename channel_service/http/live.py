"""The live view over HTTP: GET /frames sends relayed frames as server-sent events."""

# This file has no `from __future__ import annotations`: with it, FastAPI cannot find a dependency that
# is defined inside a function.

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import numpy as np
from fastapi import Depends, FastAPI, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from channel_service.relay.live import MAX_SYMBOLS_SHOWN, LiveFeed, LiveFrame, Selection, View
from shared.runtime.http_runtime import error_responses
from systems.registry import DEFAULT_SYSTEM

_Points = list[tuple[float, float]]
_DECIMALS = 4


class FramesQuery(BaseModel):
    """Query parameters of the live view: which frames, and how many symbols of each."""

    model_config = ConfigDict(extra="forbid")

    task: str = Field("", description="Only this task.", examples=["vqa"], max_length=64)
    system: str = Field("", description="Only this system.", examples=[DEFAULT_SYSTEM], max_length=64)
    link: str = Field("", description="Only this link.", examples=["default"], max_length=64)
    max_symbols: int = Field(
        256,
        ge=0,
        le=MAX_SYMBOLS_SHOWN,
        description="Largest number of constellation points for each frame.",
        examples=[64],
    )


class FrameEvent(BaseModel):
    """Data of a `frame` event: one relayed frame, sent after its row is stored."""

    number: int = Field(
        description="Number of frames relayed before this one since the service started.", examples=[41]
    )
    time: datetime = Field(
        description="Time at which the row was stored, UTC.", examples=["2026-01-01T10:05:01.5Z"]
    )
    num_dropped: int = Field(
        description="Frames dropped so far because this viewer was too slow.", examples=[0]
    )
    instance_id: str = Field(description="Identifier of the instance in the report store.", examples=["5f0c"])
    status: str = Field(description="OK, or the class of an error.", examples=["OK"])
    task: str = Field(description="Task.", examples=["vqa"])
    system: str = Field(description="System.", examples=[DEFAULT_SYSTEM])
    link: str = Field(description="Link of the frame.", examples=["default"])
    channel: str = Field(description="Channel model of the link.", examples=["rayleigh"])
    fading: str = Field(description="Fading of the link.", examples=["block"])
    csi: str = Field(description="What the receiver knows of the gain.", examples=["perfect"])
    seed: str = Field(description="Seed of the draw, an unsigned 64-bit number.", examples=["0"])
    frame_number: str = Field(description="Number of the frame, an unsigned 64-bit number.", examples=["7"])
    requested_snr_db: float = Field(description="Es/N0 per complex symbol [dB].", examples=[12.0])
    realised_snr_db: float = Field(description="Measured on this frame [dB].", examples=[11.8])
    post_equalisation_snr_db: float | None = Field(
        description="SNR after equalisation, as the receiver estimates it [dB]; null if it did not answer.",
        examples=[11.9],
    )
    network_delay_ms: float = Field(
        description="Delay of this frame in the emulated network, with jitter [ms].", examples=[0.0]
    )
    channel_uses: int = Field(description="Number of symbols of the whole frame.", examples=[16])
    sent: _Points = Field(description="[I, Q] of the first symbols, x.", examples=[[[0.7, 0.7]]])
    received: _Points = Field(
        description="[I, Q] of these symbols after the channel, y.", examples=[[[0.5, 0.9]]]
    )
    equalised: _Points = Field(
        description="[I, Q] of these symbols after MMSE equalisation with the receiver's CSI, x_hat.",
        examples=[[[0.6, 0.7]]],
    )


def add_live_routes(app: FastAPI, feed: LiveFeed) -> None:
    """Add GET /frames to an app.

    Args:
        app: The service's app.
        feed: The live view, shared with the gRPC service.
    """

    async def watch(query: Annotated[FramesQuery, Query()]) -> AsyncIterator[tuple[View, int]]:
        with feed.watch(Selection(query.task, query.system, query.link)) as view:
            yield view, query.max_symbols

    @app.get(
        "/frames",
        tags=["live"],
        summary="Relayed frames with their constellations, as server-sent events.",
        response_class=EventSourceResponse,
        responses=error_responses(422, 429),
    )
    async def frames(watching: Annotated[tuple[View, int], Depends(watch)]) -> AsyncIterator[ServerSentEvent]:
        view, max_symbols = watching
        async for live_frame in view:
            # As text: FastAPI would encode each number of `data` on its own, thirty times slower.
            data = _event(live_frame, view.num_dropped, max_symbols).model_dump_json()
            yield ServerSentEvent(raw_data=data, event="frame", id=str(live_frame.number))


def _event(live_frame: LiveFrame, num_dropped: int, max_symbols: int) -> FrameEvent:
    points = {
        name: _points(getattr(live_frame, name), max_symbols) for name in ("sent", "received", "equalised")
    }
    # Numbers in JSON are exact only up to 2^53.
    numbers = {name: str(live_frame.fields[name]) for name in ("seed", "frame_number")}
    head = {"number": live_frame.number, "time": live_frame.time, "num_dropped": num_dropped}
    return FrameEvent.model_validate({**head, **live_frame.fields, **numbers, **points})


def _points(x: NDArray[np.complex64], max_symbols: int) -> _Points:
    shown = x[:max_symbols].astype(np.complex128).round(_DECIMALS)
    return list(zip(shown.real.tolist(), shown.imag.tolist(), strict=True))
