"""The HTTP side: links and reports."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field

from channel_service.links import Links
from channel_service.links_api import add_link_routes
from channel_service.recordings_api import add_recording_routes
from channel_service.reports import Store
from shared.http_runtime import build_app, error_responses
from shared.ledger import HOPS

ReportFormat = Literal["json", "csv"]
_DESCRIPTION = "Fades and disturbs frames on named links, and keeps the books of what every instance cost."


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
    add_link_routes(app, links)
    add_recording_routes(app, links.recordings, links.traces)
    _add_report_route(app, "overhead", OverheadReportRow, store.overhead)
    _add_report_route(app, "latency", LatencyReportRow, store.latency)
    return app


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
