"""Links over HTTP: their settings, schedules and changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

from fastapi import APIRouter, Body, FastAPI, Path, Query, Request
from google.protobuf.json_format import MessageToDict
from pydantic import BaseModel, ConfigDict, Field, create_model

from channel_service.links.links import LinkChange as StoredChange
from channel_service.links.links import Links
from channel_service.links.schedules import AXES, INTERPOLATIONS, MAX_POINTS, read_points
from channel_service.links.settings import LinkSettings, declared_settings, settings_message
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField
from shared.link_settings import LinkSetting
from shared.runtime.http_runtime import error_responses

# The limit of the length also refuses an unpaired surrogate, which protobuf could not encode.
_Name = Annotated[str, Field(max_length=64)]
_Points = Annotated[list[float], Field(max_length=MAX_POINTS)]
_MAX_CSV_CHARS = 1 << 22


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


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")

    snr_schedule: Schedule | None = Field(
        None, description="SNR schedule, used instead of snr_db.", examples=[None]
    )

    def to_proto(self) -> channel_service_pb2.LinkSettings:
        """The settings as a message."""
        return settings_message(self.model_dump(exclude_none=True))


class _State(BaseModel):
    name: str = Field(description="Name of the link.", examples=["default"])
    snr_schedule: Schedule | None = Field(
        description="SNR schedule, used instead of snr_db; null if there is none.", examples=[None]
    )

    @classmethod
    def of(cls, name: str, settings: LinkSettings) -> Self:
        """Make the model from the name and the settings of a link."""
        schedule = settings.snr_schedule and asdict(settings.snr_schedule)
        return cls.model_validate({**settings.to_dict(), "name": name, "snr_schedule": schedule})


_TYPES: Mapping[str, type] = {"number": float, "integer": int, "string": str}


def _change_field(setting: LinkSetting[Any]) -> Any:
    """A setting of a change. The limits of a number are left to the link, whose error also tells a NaN."""
    shown: dict[str, Any] = {"description": setting.help, "examples": [setting.default]}
    if setting.type == "string":
        return _Name | None, Field(None, **shown)
    if setting.type == "integer":
        return int | None, Field(None, ge=setting.minimum, le=setting.maximum, **shown)
    return float | None, Field(None, **shown, json_schema_extra=setting.limits)


def _state_field(setting: LinkSetting[Any]) -> Any:
    return _TYPES[setting.type], Field(description=setting.help, examples=[setting.default])


if TYPE_CHECKING:
    LinkChange = _Change
    LinkState = _State
else:
    LinkChange = create_model(
        "LinkChange",
        __base__=_Change,
        __doc__="Settings of a link. PATCH keeps the value of an absent field, PUT gives it its default.",
        **{name: _change_field(setting) for name, setting in declared_settings().items()},
    )
    LinkState = create_model(
        "LinkState",
        __base__=_State,
        __doc__="Current settings of a link.",
        **{name: _state_field(setting) for name, setting in declared_settings().items()},
    )


class LinkSettingInfo(BaseModel):
    """One setting of a link."""

    name: str = Field(description="As in the settings of a link.", examples=["k_factor_db"])
    title: str = Field(description="For a form, without the unit.", examples=["K factor"])
    description: str = Field(description="What it is.", examples=["Power of the line of sight"])
    type: str = Field(description="number | integer | string", examples=["number"])
    unit: str = Field(description="Empty where the value has none.", examples=["dB"])
    default: int | float | str = Field(description="Value of a link that nobody has set.", examples=[6.0])
    minimum: float | None = Field(description="Lowest value of a number.", examples=[-20])
    maximum: float | None = Field(description="Highest value of a number.", examples=[40])
    choices: dict[str, str] = Field(
        description="The allowed values, each with its title; empty where there are none to choose from.",
        examples=[{}],
    )
    read_by: dict[str, list[str]] = Field(
        description="By another setting, the values of it with which this one is used; empty for always.",
        examples=[{"channel": ["rician"]}],
    )
    is_overridable: bool = Field(
        description="Whether POST /transmit takes it for a single instance.", examples=[True]
    )


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
    """Add /links and /link-settings to an app.

    Args:
        app: The service's app.
        links: All links, shared with the gRPC service.
    """
    app.include_router(_settings_routes(links))

    @app.get("/link-settings", tags=["links"], summary="What a link can be set to.")
    async def link_settings() -> list[LinkSettingInfo]:
        settings = declared_settings().values()
        return [LinkSettingInfo.model_validate(setting, from_attributes=True) for setting in settings]

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
