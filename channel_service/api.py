"""The HTTP side: links and reports."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Query, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field

from channel_service.channels import MODELS
from channel_service.links import CSI_MODES, Links, LinkSettings
from channel_service.reports import Store
from protos.semcom.v1 import channel_service_pb2
from shared.http_runtime import build_app, error_responses
from shared.ledger import HOPS
from shared.signal import MAX_SNR_DB, MIN_SNR_DB

ReportFormat = Literal["json", "csv"]
# Measuring the length reads the text: half a surrogate pair is refused there, and not on the wire.
_Name = Annotated[str, Field(max_length=64)]
_DESCRIPTION = "Fades and disturbs frames on named links, and keeps the books of what every instance cost."


class LinkChange(BaseModel):
    """Settings to change; absent ones keep their value."""

    model_config = ConfigDict(extra="forbid")

    channel: _Name | None = Field(None, description=" | ".join(MODELS), examples=["rayleigh"])
    fading: _Name | None = Field(
        None, description="block: one gain a frame | symbol: independent gains", examples=["block"]
    )
    snr_db: float | None = Field(
        None, description=f"Es/N0 per complex symbol, {MIN_SNR_DB:g} to {MAX_SNR_DB:g} [dB].", examples=[6.0]
    )
    k_factor_db: float | None = Field(None, description="Rician K, -20 to 40 [dB].", examples=[6.0])
    csi: _Name | None = Field(
        None, description="What the receiver may know: " + " | ".join(CSI_MODES), examples=["perfect"]
    )
    num_pilots: int | None = Field(
        None, ge=1, le=1024, description="Pilots a frame where csi=estimated.", examples=[4]
    )
    seed: int | None = Field(None, ge=0, lt=1 << 64, description="Of the draws.", examples=[0])
    symbol_rate_hz: float | None = Field(
        None, description="Complex symbols a second, for the airtime [Hz].", examples=[1e6]
    )

    def to_proto(self) -> channel_service_pb2.LinkSettings:
        """As the message of the wire contract."""
        return channel_service_pb2.LinkSettings(**self.model_dump(exclude_none=True))


class LinkState(BaseModel):
    """A link as it is now."""

    name: str = Field(description="Name of the link.", examples=["default"])
    channel: str = Field(description=" | ".join(MODELS), examples=["awgn"])
    fading: str = Field(description="block: one gain a frame | symbol: independent gains", examples=["block"])
    snr_db: float = Field(description="Es/N0 per complex symbol [dB].", examples=[12.0])
    k_factor_db: float = Field(description="Rician K [dB].", examples=[6.0])
    csi: str = Field(description="What the receiver may know: " + " | ".join(CSI_MODES), examples=["perfect"])
    num_pilots: int = Field(description="Pilots a frame where csi=estimated.", examples=[4])
    seed: int = Field(description="With the frame number it fixes the draw.", examples=[0])
    symbol_rate_hz: float = Field(description="Complex symbols a second [Hz].", examples=[1e6])


class OverheadReportRow(BaseModel):
    """Mean cost of an instance of one task and system."""

    task: str = Field(description="Of the group.", examples=["vqa"])
    system: str = Field(description="Of the group.", examples=["mfmsc"])
    num_instances: int = Field(description="Sent, failed ones among them.", examples=[12])
    num_failed: int = Field(description="Of them, not answered.", examples=[0])
    source_bytes: float = Field(description="Input as sent by the client [bytes].", examples=[391.5])
    real_values: float = Field(description="Reals sent, two a channel use.", examples=[32])
    channel_uses: float = Field(description="Complex symbols, pilots apart.", examples=[16])
    num_pilots: float = Field(description="Pilot symbols.", examples=[0])
    payload_bytes: float = Field(description="Symbols as encoded [bytes].", examples=[128])
    message_bytes: float = Field(description="Protobuf message of the frame [bytes].", examples=[236])
    airtime_ms: float = Field(description="At the link's symbol rate [ms].", examples=[0.016])
    bandwidth_ratio: float = Field(description="Channel uses for each source value.", examples=[0.0013])


class LatencyReportRow(BaseModel):
    """Duration of one hop over the answered instances of one task and system."""

    task: str = Field(description="Of the group.", examples=["vqa"])
    system: str = Field(description="Of the group.", examples=["mfmsc"])
    hop: str = Field(description=" | ".join(HOPS), examples=["total"])
    num_instances: int = Field(description="That state this hop.", examples=[12])
    mean_ms: float | None = Field(description="Mean [ms].", examples=[41.2])
    p50_ms: float | None = Field(description="Median [ms].", examples=[39.8])
    p90_ms: float | None = Field(description="90th percentile [ms].", examples=[47.1])
    p99_ms: float | None = Field(description="99th percentile [ms].", examples=[52.6])


class ReportQuery(BaseModel):
    """Query of a report: its form, and which instances it is made of."""

    model_config = ConfigDict(extra="forbid")

    format: ReportFormat = Field("json", description="json | csv", examples=["csv"])
    task: str = Field("", description="Only this task.", examples=["vqa"], max_length=64)
    system: str = Field("", description="Only this system.", examples=["mfmsc"], max_length=64)
    link: str = Field("", description="Only this link.", examples=["default"], max_length=64)


LinkName = Annotated[str, Path(description="Name of the link.", examples=["default"])]


def create_app(
    links: Links, store: Store, ready: Callable[[], Awaitable[None]], registry: CollectorRegistry
) -> FastAPI:
    """The service's HTTP app.

    Args:
        links: Shared with the gRPC side.
        store: Shared with the gRPC side.
        ready: See `shared.http_runtime.build_app`.
        registry: Metrics.
    """
    app = build_app("semcom channel_service", _DESCRIPTION, ready=ready, registry=registry)
    _add_link_routes(app, links)
    _add_report_route(app, "overhead", OverheadReportRow, store.overhead)
    _add_report_route(app, "latency", LatencyReportRow, store.latency)
    return app


def _add_link_routes(app: FastAPI, links: Links) -> None:
    @app.get("/links", tags=["links"], summary="Every link.")
    async def list_links() -> list[LinkState]:
        return [_state(name, settings) for name, settings in links.all().items()]

    @app.get("/links/{name}", tags=["links"], summary="One link.", responses=error_responses(404))
    async def get_link(name: LinkName) -> LinkState:
        return _state(name, links.get(name))

    @app.put(
        "/links/{name}",
        tags=["links"],
        summary="Create or change a link; holds from the next frame.",
        responses=error_responses(400, 422),
    )
    async def put_link(name: LinkName, change: LinkChange) -> LinkState:
        return _state(name, links.set(name, change.to_proto()))


def _state(name: str, settings: LinkSettings) -> LinkState:
    return LinkState(name=name, **vars(settings))


def _add_report_route(
    app: FastAPI,
    name: str,
    row_model: type[BaseModel],
    read: Callable[[Mapping[str, str]], list[dict[str, Any]]],
) -> None:
    columns = list(row_model.model_fields)

    @app.get(
        f"/reports/{name}",
        tags=["reports"],
        summary=(row_model.__doc__ or "").strip(),
        name=f"report_{name}",
        responses={
            200: {"model": list[row_model], "content": {"text/csv": {}}},  # type: ignore[valid-type]
            **error_responses(422, 503),
        },
    )
    def report(query: Annotated[ReportQuery, Query()]) -> Response:
        rows = read(query.model_dump(exclude={"format"}))
        return _RENDERERS[query.format](columns, rows)


def _as_json(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Response:
    return JSONResponse([{name: _finite(row[name]) for name in columns} for row in rows])


def _as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Response:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return Response(text.getvalue(), media_type="text/csv")


_RENDERERS: Mapping[str, Callable[[Sequence[str], Sequence[Mapping[str, Any]]], Response]] = {
    "json": _as_json,
    "csv": _as_csv,
}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
