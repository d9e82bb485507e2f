"""Links over HTTP: their settings, schedules and history."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Path, Query, Request
from google.protobuf.json_format import MessageToDict
from pydantic import BaseModel, ConfigDict, Field

from channel_service.links.links import LinkChange as KeptChange
from channel_service.links.links import Links
from channel_service.links.schedules import AXES, INTERPOLATIONS, MAX_POINTS, read_points
from channel_service.links.settings import CSI_MODES, LinkSettings
from channel_service.radio.channels import FADINGS, MODELS
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField
from shared.http_runtime import error_responses
from shared.signal import MAX_SNR_DB, MIN_SNR_DB

# Measuring the length reads the text: half a surrogate pair is refused there, and not on the wire.
_Name = Annotated[str, Field(max_length=64)]
_Points = Annotated[list[float], Field(max_length=MAX_POINTS)]
_MAX_CSV_CHARS = 1 << 22
_CHANNELS, _FADINGS = " | ".join(MODELS), " | ".join(FADINGS)
_CSI = "What the receiver may know: " + " | ".join(CSI_MODES)


class Schedule(BaseModel):
    """SNR as a function of frame number or time, through points; without points: none."""

    model_config = ConfigDict(extra="forbid")

    at: _Points = Field(
        description="Positions, ascending, from 0: frame numbers or seconds.", examples=[[0, 100]]
    )
    snr_db: _Points = Field(description="One a position [dB].", examples=[[20, 0]])
    over: _Name = Field(AXES[0], description=" | ".join(AXES), examples=[AXES[0]])
    interpolation: _Name = Field("hold", description=" | ".join(INTERPOLATIONS), examples=["linear"])
    repeats: bool = Field(False, description="Starts over at the last position.", examples=[False])


class LinkChange(BaseModel):
    """Settings of a link; what PATCH leaves out keeps its value, what PUT leaves out takes its default."""

    model_config = ConfigDict(extra="forbid")

    channel: _Name | None = Field(None, description=_CHANNELS, examples=["rayleigh"])
    fading: _Name | None = Field(None, description=_FADINGS, examples=["block"])
    snr_db: float | None = Field(
        None, description=f"Es/N0 per complex symbol, {MIN_SNR_DB:g} to {MAX_SNR_DB:g} [dB].", examples=[6.0]
    )
    k_factor_db: float | None = Field(None, description="Rician K, -20 to 40 [dB].", examples=[6.0])
    csi: _Name | None = Field(None, description=_CSI, examples=["perfect"])
    num_pilots: int | None = Field(
        None, ge=1, le=1024, description="Pilots a frame where csi=estimated.", examples=[4]
    )
    seed: int | None = Field(None, ge=0, lt=1 << 64, description="Of the draws.", examples=[0])
    symbol_rate_hz: float | None = Field(
        None,
        description="Complex symbols a second: airtime, Doppler, bandwidth of tdl-* [Hz].",
        examples=[1e6],
    )
    coherence_symbols: int | None = Field(
        None,
        ge=0,
        lt=1 << 32,
        description="fading=block: symbols that share a gain; 0: a frame.",
        examples=[0],
    )
    doppler_hz: float | None = Field(None, description="fading=doppler: largest shift [Hz].", examples=[10.0])
    frame_interval_ms: float | None = Field(
        None, description="fading=doppler: from a frame's start to the next's [ms].", examples=[1.0]
    )
    nakagami_m: float | None = Field(None, description="Nakagami shape, 0.5 to 100.", examples=[2.0])
    delay_spread_ns: float | None = Field(None, description="tdl-*: RMS delay spread [ns].", examples=[100.0])
    csi_error_db: float | None = Field(
        None, description="csi=mismatched: E|error|^2 / E|h|^2 [dB].", examples=[-20.0]
    )
    trace: _Name | None = Field(None, description="channel=trace: which recorded gains.", examples=[""])
    snr_schedule: Schedule | None = Field(None, description="Takes the place of snr_db.", examples=[None])
    network_delay_ms: float | None = Field(None, description="Mean network delay [ms].", examples=[0.0])
    network_jitter_ms: float | None = Field(
        None, description="Largest deviation from the delay, uniform [ms].", examples=[0.0]
    )
    network_loss_rate: float | None = Field(None, description="Share of frames lost, 0 to 1.", examples=[0.0])
    record: _Name | None = Field(
        None, description="Recording that keeps each frame's draw; empty: none.", examples=[""]
    )
    replay: _Name | None = Field(
        None, description="Recording whose draws are used; empty: none.", examples=[""]
    )

    def to_proto(self) -> channel_service_pb2.LinkSettings:
        """As the message of the wire contract."""
        return channel_service_pb2.LinkSettings(**self.model_dump(exclude_none=True))


class LinkState(BaseModel):
    """A link as it is now."""

    name: str = Field(description="Name of the link.", examples=["default"])
    channel: str = Field(description=_CHANNELS, examples=["awgn"])
    fading: str = Field(description=_FADINGS, examples=["block"])
    snr_db: float = Field(description="Es/N0 per complex symbol [dB].", examples=[12.0])
    k_factor_db: float = Field(description="Rician K [dB].", examples=[6.0])
    csi: str = Field(description=_CSI, examples=["perfect"])
    num_pilots: int = Field(description="Pilots a frame where csi=estimated.", examples=[4])
    seed: int = Field(description="With the frame number it fixes the draw.", examples=[0])
    symbol_rate_hz: float = Field(description="Complex symbols a second [Hz].", examples=[1e6])
    coherence_symbols: int = Field(description="Symbols that share a gain; 0: the whole frame.", examples=[0])
    doppler_hz: float = Field(description="Largest Doppler shift [Hz].", examples=[10.0])
    frame_interval_ms: float = Field(description="From a frame's start to the next's [ms].", examples=[1.0])
    nakagami_m: float = Field(description="Nakagami shape.", examples=[2.0])
    delay_spread_ns: float = Field(description="RMS delay spread of tdl-* [ns].", examples=[100.0])
    csi_error_db: float = Field(description="Error of mismatched CSI [dB].", examples=[-20.0])
    trace: str = Field(description="Recorded gains that channel=trace plays.", examples=[""])
    snr_schedule: Schedule | None = Field(description="Takes the place of snr_db; or null.", examples=[None])
    network_delay_ms: float = Field(description="Mean network delay [ms].", examples=[0.0])
    network_jitter_ms: float = Field(description="Largest deviation from it [ms].", examples=[0.0])
    network_loss_rate: float = Field(description="Share of frames lost.", examples=[0.0])
    record: str = Field(description="Recording that keeps the draws; empty: none.", examples=[""])
    replay: str = Field(description="Recording whose draws are used; empty: none.", examples=[""])

    @classmethod
    def of(cls, name: str, settings: LinkSettings) -> LinkState:
        """A link's settings under its name."""
        return cls(name=name, **asdict(settings))


class LinkEvent(BaseModel):
    """What was done to a link."""

    link: str = Field(description="Name of the link.", examples=["default"])
    time: datetime = Field(description="When, UTC.", examples=["2026-01-31T12:00:00Z"])
    origin: str = Field(description="Protocol and address of the caller.", examples=["http 127.0.0.1:51234"])
    action: str = Field(description="set | replace | delete", examples=["set"])
    settings: dict[str, Any] = Field(
        description="As they were given; a seed as text, of a schedule the first points.",
        examples=[{"snr_db": 6.0}],
    )

    @classmethod
    def of(cls, change: KeptChange) -> LinkEvent:
        """As it is shown."""
        settings = MessageToDict(change.settings, preserving_proto_field_name=True)
        return cls(**{**vars(change), "settings": settings})


class ScheduleQuery(BaseModel):
    """How the points of a CSV file are read."""

    model_config = ConfigDict(extra="forbid")

    over: str = Field(AXES[0], description=" | ".join(AXES), examples=["time_s"], max_length=64)
    interpolation: str = Field(
        "hold", description=" | ".join(INTERPOLATIONS), examples=["linear"], max_length=64
    )
    repeats: bool = Field(False, description="Starts over at the last position.", examples=[False])


LinkName = Annotated[str, Path(description="Name of the link.", examples=["default"])]
CsvText = Annotated[
    str,
    Body(
        media_type="text/csv",
        description="Lines `at,snr_db`; a line with these names may come first.",
        examples=["at,snr_db\n0,20\n100,0\n"],
        max_length=_MAX_CSV_CHARS,
    ),
]


def add_link_routes(app: FastAPI, links: Links) -> None:
    """Add /links to an app.

    Args:
        app: Of the service.
        links: Shared with the gRPC side.
    """
    app.include_router(_settings_routes(links))
    app.include_router(_schedule_routes(links))


def _settings_routes(links: Links) -> APIRouter:
    router = APIRouter(prefix="/links", tags=["links"])

    @router.get("", summary="Every link.")
    async def list_links() -> list[LinkState]:
        return [LinkState.of(name, settings) for name, settings in links.all().items()]

    @router.get("/{name}", summary="One link.", responses=error_responses(404))
    async def get_link(name: LinkName) -> LinkState:
        return LinkState.of(name, links.get(name))

    @router.put(
        "/{name}",
        summary="Make or replace a link: absent fields take their default. Holds from the next frame.",
        responses=error_responses(400, 404, 413, 422),
    )
    async def put_link(request: Request, name: LinkName, change: LinkChange) -> LinkState:
        return LinkState.of(name, links.set(name, change.to_proto(), origin=_origin(request), replaces=True))

    @router.patch(
        "/{name}",
        summary="Make or change a link: absent fields keep their value. Holds from the next frame.",
        responses=error_responses(400, 404, 413, 422),
    )
    async def patch_link(request: Request, name: LinkName, change: LinkChange) -> LinkState:
        return LinkState.of(name, links.set(name, change.to_proto(), origin=_origin(request)))

    @router.delete(
        "/{name}",
        status_code=204,
        summary="Delete a link; frames on their way through it go on.",
        responses=error_responses(404, 422),
    )
    async def delete_link(request: Request, name: LinkName) -> None:
        links.delete(name, origin=_origin(request))

    @router.get(
        "/{name}/changes", summary="What was done to a link, oldest first.", responses=error_responses(404)
    )
    async def list_changes(name: LinkName) -> list[LinkEvent]:
        return [LinkEvent.of(change) for change in links.changes(name)]

    return router


def _schedule_routes(links: Links) -> APIRouter:
    router = APIRouter(prefix="/links/{name}/schedule", tags=["links"])

    @router.put(
        "",
        summary="Let a link's SNR follow a CSV file; makes the link where there is none.",
        responses=error_responses(400, 413, 422),
    )
    async def put_schedule(
        request: Request, name: LinkName, query: Annotated[ScheduleQuery, Query()], text: CsvText
    ) -> LinkState:
        schedule = {**query.model_dump(), **read_points(text)}
        if not schedule["at"]:
            raise InvalidField("body", "no points", "lines of two numbers: at,snr_db")
        changes = channel_service_pb2.LinkSettings(snr_schedule=schedule)
        return LinkState.of(name, links.set(name, changes, origin=_origin(request)))

    @router.delete("", summary="Let a link keep its own SNR again.", responses=error_responses(404))
    async def delete_schedule(request: Request, name: LinkName) -> LinkState:
        links.find(name)
        changes = channel_service_pb2.LinkSettings(snr_schedule={})
        return LinkState.of(name, links.set(name, changes, origin=_origin(request)))

    return router


def _origin(request: Request) -> str:
    return f"http {request.client.host}:{request.client.port}" if request.client else "http"
