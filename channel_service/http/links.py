"""Links over HTTP: their settings, schedules and changes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Path, Query, Request
from google.protobuf.json_format import MessageToDict
from pydantic import BaseModel, ConfigDict, Field

from channel_service.links.links import LinkChange as StoredChange
from channel_service.links.links import Links
from channel_service.links.schedules import AXES, INTERPOLATIONS, MAX_POINTS, read_points
from channel_service.links.settings import CSI_MODES, LinkSettings
from channel_service.radio.channels import FADINGS, MODELS
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField
from shared.runtime.http_runtime import error_responses
from shared.signal import MAX_SNR_DB, MIN_SNR_DB

# The limit of the length also refuses an unpaired surrogate, which protobuf could not encode.
_Name = Annotated[str, Field(max_length=64)]
_Points = Annotated[list[float], Field(max_length=MAX_POINTS)]
_MAX_CSV_CHARS = 1 << 22
_CHANNELS, _FADINGS = " | ".join(MODELS), " | ".join(FADINGS)
_CSI = "What the receiver may know: " + " | ".join(CSI_MODES)


class Schedule(BaseModel):
    """SNR as a function of frame number or time, through points. No points mean no schedule."""

    model_config = ConfigDict(extra="forbid")

    at: _Points = Field(
        description="Positions, ascending, at least 0: frame numbers or seconds.", examples=[[0, 100]]
    )
    snr_db: _Points = Field(description="SNR at each position [dB].", examples=[[20, 0]])
    over: _Name = Field(AXES[0], description=" | ".join(AXES), examples=[AXES[0]])
    interpolation: _Name = Field("hold", description=" | ".join(INTERPOLATIONS), examples=["linear"])
    repeats: bool = Field(
        False, description="Whether the schedule starts again at its last position.", examples=[False]
    )


class LinkChange(BaseModel):
    """Settings of a link. An absent field keeps its value with PATCH and gets its default with PUT."""

    model_config = ConfigDict(extra="forbid")

    channel: _Name | None = Field(None, description=_CHANNELS, examples=["rayleigh"])
    fading: _Name | None = Field(None, description=_FADINGS, examples=["block"])
    snr_db: float | None = Field(
        None, description=f"Es/N0 per complex symbol, {MIN_SNR_DB:g} to {MAX_SNR_DB:g} [dB].", examples=[6.0]
    )
    k_factor_db: float | None = Field(None, description="Rician K factor, -20 to 40 [dB].", examples=[6.0])
    csi: _Name | None = Field(None, description=_CSI, examples=["perfect"])
    num_pilots: int | None = Field(
        None, ge=1, le=1024, description="csi=estimated: number of pilots in a frame.", examples=[4]
    )
    seed: int | None = Field(None, ge=0, lt=1 << 64, description="Seed of the draws.", examples=[0])
    symbol_rate_hz: float | None = Field(
        None,
        description="Complex symbols a second, for airtime, Doppler and bandwidth of tdl-* [Hz].",
        examples=[1e6],
    )
    coherence_symbols: int | None = Field(
        None,
        ge=0,
        lt=1 << 32,
        description="fading=block: number of symbols that share a gain; 0: the whole frame.",
        examples=[0],
    )
    doppler_hz: float | None = Field(
        None, description="fading=doppler: largest Doppler shift [Hz].", examples=[10.0]
    )
    frame_interval_ms: float | None = Field(
        None,
        description="fading=doppler: time from the start of one frame to the start of the next [ms].",
        examples=[1.0],
    )
    nakagami_m: float | None = Field(
        None, description="Nakagami shape parameter m, 0.5 to 100.", examples=[2.0]
    )
    delay_spread_ns: float | None = Field(None, description="tdl-*: RMS delay spread [ns].", examples=[100.0])
    csi_error_db: float | None = Field(
        None, description="csi=mismatched: E|error|^2 / E|h|^2 [dB].", examples=[-20.0]
    )
    trace: _Name | None = Field(None, description="channel=trace: name of the trace.", examples=[""])
    snr_schedule: Schedule | None = Field(
        None, description="SNR schedule, used instead of snr_db.", examples=[None]
    )
    network_delay_ms: float | None = Field(None, description="Mean network delay [ms].", examples=[0.0])
    network_jitter_ms: float | None = Field(
        None,
        description="Largest difference from the mean delay, uniformly distributed [ms].",
        examples=[0.0],
    )
    network_loss_rate: float | None = Field(
        None, description="Probability that a frame is lost, 0 to 1.", examples=[0.0]
    )
    record: _Name | None = Field(
        None,
        description="Name of the recording to which each frame's draw is added; empty: none.",
        examples=[""],
    )
    replay: _Name | None = Field(
        None, description="Name of the recording whose draws are used; empty: none.", examples=[""]
    )

    def to_proto(self) -> channel_service_pb2.LinkSettings:
        """The settings as a message."""
        return channel_service_pb2.LinkSettings(**self.model_dump(exclude_none=True))


class LinkState(BaseModel):
    """Current settings of a link."""

    name: str = Field(description="Name of the link.", examples=["default"])
    channel: str = Field(description=_CHANNELS, examples=["awgn"])
    fading: str = Field(description=_FADINGS, examples=["block"])
    snr_db: float = Field(description="Es/N0 per complex symbol [dB].", examples=[12.0])
    k_factor_db: float = Field(description="Rician K factor [dB].", examples=[6.0])
    csi: str = Field(description=_CSI, examples=["perfect"])
    num_pilots: int = Field(description="csi=estimated: number of pilots in a frame.", examples=[4])
    seed: int = Field(description="Seed; the draw depends on the seed and the frame number.", examples=[0])
    symbol_rate_hz: float = Field(description="Complex symbols a second [Hz].", examples=[1e6])
    coherence_symbols: int = Field(
        description="Number of symbols that share a gain; 0: the whole frame.", examples=[0]
    )
    doppler_hz: float = Field(description="Largest Doppler shift [Hz].", examples=[10.0])
    frame_interval_ms: float = Field(
        description="Time from the start of one frame to the start of the next [ms].", examples=[1.0]
    )
    nakagami_m: float = Field(description="Nakagami shape parameter m.", examples=[2.0])
    delay_spread_ns: float = Field(description="RMS delay spread of tdl-* [ns].", examples=[100.0])
    csi_error_db: float = Field(description="Error of mismatched CSI [dB].", examples=[-20.0])
    trace: str = Field(description="Name of the trace that channel=trace plays.", examples=[""])
    snr_schedule: Schedule | None = Field(
        description="SNR schedule, used instead of snr_db; null if there is none.", examples=[None]
    )
    network_delay_ms: float = Field(description="Mean network delay [ms].", examples=[0.0])
    network_jitter_ms: float = Field(
        description="Largest difference from the mean delay [ms].", examples=[0.0]
    )
    network_loss_rate: float = Field(description="Probability that a frame is lost.", examples=[0.0])
    record: str = Field(
        description="Name of the recording to which the draws are added; empty: none.", examples=[""]
    )
    replay: str = Field(description="Name of the recording whose draws are used; empty: none.", examples=[""])

    @classmethod
    def of(cls, name: str, settings: LinkSettings) -> LinkState:
        """Make the model from the name and the settings of a link."""
        return cls(name=name, **asdict(settings))


class LinkEvent(BaseModel):
    """One change of a link."""

    link: str = Field(description="Name of the link.", examples=["default"])
    time: datetime = Field(description="Time of the change, UTC.", examples=["2026-01-31T12:00:00Z"])
    origin: str = Field(description="Protocol and address of the caller.", examples=["http 127.0.0.1:51234"])
    action: str = Field(description="set | replace | delete", examples=["set"])
    settings: dict[str, Any] = Field(
        description="Settings in the request; the seed as text, and the first points of a schedule.",
        examples=[{"snr_db": 6.0}],
    )

    @classmethod
    def of(cls, change: StoredChange) -> LinkEvent:
        """Make the model from a stored change."""
        settings = MessageToDict(change.settings, preserving_proto_field_name=True)
        return cls(**{**vars(change), "settings": settings})


class ScheduleQuery(BaseModel):
    """Query parameters that say how the points of a CSV file are used."""

    model_config = ConfigDict(extra="forbid")

    over: str = Field(AXES[0], description=" | ".join(AXES), examples=["time_s"], max_length=64)
    interpolation: str = Field(
        "hold", description=" | ".join(INTERPOLATIONS), examples=["linear"], max_length=64
    )
    repeats: bool = Field(
        False, description="Whether the schedule starts again at its last position.", examples=[False]
    )


LinkName = Annotated[str, Path(description="Name of the link.", examples=["default"])]
CsvText = Annotated[
    str,
    Body(
        media_type="text/csv",
        description="Lines `at,snr_db`; the first line may hold these names.",
        examples=["at,snr_db\n0,20\n100,0\n"],
        max_length=_MAX_CSV_CHARS,
    ),
]


def add_link_routes(app: FastAPI, links: Links) -> None:
    """Add /links to an app.

    Args:
        app: The service's app.
        links: All links, shared with the gRPC service.
    """
    app.include_router(_settings_routes(links))
    app.include_router(_schedule_routes(links))


def _settings_routes(links: Links) -> APIRouter:
    router = APIRouter(prefix="/links", tags=["links"])

    @router.get("", summary="Settings of every link.")
    async def list_links() -> list[LinkState]:
        return [LinkState.of(name, settings) for name, settings in links.all().items()]

    @router.get("/{name}", summary="Settings of one link.", responses=error_responses(404))
    async def get_link(name: LinkName) -> LinkState:
        return LinkState.of(name, links.get(name))

    @router.put(
        "/{name}",
        summary="Create or replace a link from the next request; absent fields get their default.",
        responses=error_responses(400, 404, 413, 422),
    )
    async def put_link(request: Request, name: LinkName, change: LinkChange) -> LinkState:
        return LinkState.of(name, links.set(name, change.to_proto(), origin=_origin(request), replaces=True))

    @router.patch(
        "/{name}",
        summary="Create or change a link from the next request; absent fields keep their value.",
        responses=error_responses(400, 404, 413, 422),
    )
    async def patch_link(request: Request, name: LinkName, change: LinkChange) -> LinkState:
        return LinkState.of(name, links.set(name, change.to_proto(), origin=_origin(request)))

    @router.delete(
        "/{name}",
        status_code=204,
        summary="Delete a link. Requests in progress on it are finished.",
        responses=error_responses(404, 422),
    )
    async def delete_link(request: Request, name: LinkName) -> None:
        links.delete(name, origin=_origin(request))

    @router.get("/{name}/changes", summary="Changes of a link, oldest first.", responses=error_responses(404))
    async def list_changes(name: LinkName) -> list[LinkEvent]:
        return [LinkEvent.of(change) for change in links.changes(name)]

    return router


def _schedule_routes(links: Links) -> APIRouter:
    router = APIRouter(prefix="/links/{name}/schedule", tags=["links"])

    @router.put(
        "",
        summary="Set the SNR schedule of a link from a CSV file; creates the link if it does not exist.",
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

    @router.delete(
        "",
        summary="Remove the SNR schedule of a link; its snr_db is used again.",
        responses=error_responses(404),
    )
    async def delete_schedule(request: Request, name: LinkName) -> LinkState:
        links.find(name)
        changes = channel_service_pb2.LinkSettings(snr_schedule={})
        return LinkState.of(name, links.set(name, changes, origin=_origin(request)))

    return router


def _origin(request: Request) -> str:
    return f"http {request.client.host}:{request.client.port}" if request.client else "http"
