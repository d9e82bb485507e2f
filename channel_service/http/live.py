"""GET /frames: the live view as server-sent events."""

# No `from __future__ import annotations`: FastAPI finds no dependency that only a function knows by its name.

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import numpy as np
from fastapi import Depends, FastAPI, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from channel_service.live import MAX_SYMBOLS_SHOWN, LiveFeed, Selection, Sighting, View
from shared.http_runtime import error_responses
from shared.systems import DEFAULT_SYSTEM

_Points = list[tuple[float, float]]
_DECIMALS = 4


class FramesQuery(BaseModel):
    """Which frames to watch, and how much of each."""

    model_config = ConfigDict(extra="forbid")

    task: str = Field("", description="Only this task.", examples=["vqa"], max_length=64)
    system: str = Field("", description="Only this system.", examples=[DEFAULT_SYSTEM], max_length=64)
    link: str = Field("", description="Only this link.", examples=["default"], max_length=64)
    max_symbols: int = Field(
        256, ge=0, le=MAX_SYMBOLS_SHOWN, description="Constellation points a frame.", examples=[64]
    )


class FrameEvent(BaseModel):
    """Data of a `frame` event: one relayed frame, once its row is stored."""

    number: int = Field(description="Counts relayed frames since the start.", examples=[41])
    time: datetime = Field(description="UTC.", examples=["2026-01-01T10:05:01.5Z"])
    num_dropped: int = Field(description="Frames this viewer was too slow for, so far.", examples=[0])
    instance_id: str = Field(description="Of its row in the books.", examples=["5f0c"])
    status: str = Field(description="OK, or the class of an error.", examples=["OK"])
    task: str = Field(description="Task.", examples=["vqa"])
    system: str = Field(description="System.", examples=[DEFAULT_SYSTEM])
    link: str = Field(description="Link it took.", examples=["default"])
    channel: str = Field(description="Channel it met.", examples=["rayleigh"])
    fading: str = Field(description="Fading it met.", examples=["block"])
    csi: str = Field(description="What the receiver knows.", examples=["perfect"])
    seed: str = Field(description="Of the draw: an unsigned 64-bit number.", examples=["0"])
    frame_number: str = Field(description="Of the draw: an unsigned 64-bit number.", examples=["7"])
    requested_snr_db: float = Field(description="Es/N0 per complex symbol [dB].", examples=[12.0])
    realised_snr_db: float = Field(description="Measured on this frame [dB].", examples=[11.8])
    post_equalisation_snr_db: float | None = Field(
        description="As the receiver estimates it [dB]; null where it did not answer.", examples=[11.9]
    )
    network_delay_ms: float = Field(
        description="Of the emulated network, jitter included [ms].", examples=[0.0]
    )
    channel_uses: int = Field(description="Symbols of the whole frame.", examples=[16])
    sent: _Points = Field(description="[I, Q] of the first symbols, x.", examples=[[[0.7, 0.7]]])
    received: _Points = Field(description="[I, Q] after the channel, y.", examples=[[[0.5, 0.9]]])
    equalised: _Points = Field(
        description="[I, Q] after MMSE with what the receiver knows of the gain, x_hat.",
        examples=[[[0.6, 0.7]]],
    )


def add_live_routes(app: FastAPI, feed: LiveFeed) -> None:
    """GET /frames."""

    async def watch(query: Annotated[FramesQuery, Query()]) -> AsyncIterator[tuple[View, int]]:
        with feed.watch(Selection(query.task, query.system, query.link)) as view:
            yield view, query.max_symbols

    @app.get(
        "/frames",
        tags=["live"],
        summary="Frames as they are relayed, with their constellations: server-sent events.",
        response_class=EventSourceResponse,
        responses=error_responses(422, 429),
    )
    async def frames(watching: Annotated[tuple[View, int], Depends(watch)]) -> AsyncIterator[ServerSentEvent]:
        view, max_symbols = watching
        async for sighting in view:
            data = _event(sighting, view.num_dropped, max_symbols)
            yield ServerSentEvent(data=data, event="frame", id=str(sighting.number))


def _event(sighting: Sighting, num_dropped: int, max_symbols: int) -> FrameEvent:
    points = {
        name: _points(getattr(sighting, name), max_symbols) for name in ("sent", "received", "equalised")
    }
    # JSON's numbers end at 2^53.
    numbers = {name: str(sighting.facts[name]) for name in ("seed", "frame_number")}
    head = {"number": sighting.number, "time": sighting.time, "num_dropped": num_dropped}
    return FrameEvent.model_validate({**head, **sighting.facts, **numbers, **points})


def _points(x: NDArray[np.complex64], max_symbols: int) -> _Points:
    shown = x[:max_symbols].astype(np.complex128).round(_DECIMALS)
    return list(zip(shown.real.tolist(), shown.imag.tolist(), strict=True))
