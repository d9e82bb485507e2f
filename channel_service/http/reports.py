"""Reports and instances over HTTP, as JSON, CSV or Parquet."""

from __future__ import annotations

import asyncio
import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from fastapi import FastAPI, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, create_model

from channel_service.reports.queries import GROUPINGS, MAX_INSTANCES, InstanceQuery, ReportQuery
from channel_service.reports.store import Store
from shared.errors import InvalidField
from shared.ledger import HOPS, LEDGER, LedgerField
from shared.runtime.http_runtime import error_responses
from systems.registry import DEFAULT_SYSTEM

ReportFormat = Literal["json", "csv", "parquet"]
Row = Mapping[str, Any]


class Group(BaseModel):
    """The columns that name a group; columns that are not in group_by are absent."""

    task: str | None = Field(None, description="Task of the group.", examples=["vqa"])
    system: str | None = Field(None, description="System of the group.", examples=[DEFAULT_SYSTEM])
    link: str | None = Field(None, description="Link of the group.", examples=["default"])
    channel: str | None = Field(None, description="Channel of the group.", examples=["awgn"])
    fading: str | None = Field(None, description="Fading of the group.", examples=["block"])
    csi: str | None = Field(None, description="CSI mode of the group.", examples=["perfect"])
    status: str | None = Field(None, description="OK, or the class of an error.", examples=["OK"])
    snr_bin: float | None = Field(
        None, description="Lower edge of the bin that contains the requested SNR [dB].", examples=[6.0]
    )
    minute: str | None = Field(
        None, description="Start of the group's minute, UTC.", examples=["2026-01-01T10:05:00Z"]
    )
    hour: str | None = Field(
        None, description="Start of the group's hour, UTC.", examples=["2026-01-01T10:00:00Z"]
    )
    day: str | None = Field(
        None, description="Start of the group's day, UTC.", examples=["2026-01-01T00:00:00Z"]
    )


def _ledger_field(own: LedgerField) -> Any:
    kind = own.type | None if own.may_lack else own.type
    return kind, Field(description=own.help, examples=[own.example])


def _figure_field(own: LedgerField) -> Any:
    """Of the overhead report: a mean, or how many instances it is true of."""
    if own.type is bool:
        return int, Field(description=f"Number of instances with: {own.help}", examples=[0])
    kind = float | None if own.may_lack else float
    return kind, Field(description=f"Mean. {own.help}", examples=[own.example])


class _CountsRow(Group):
    num_instances: int = Field(description="Instances sent, including failed ones.", examples=[12])
    num_failed: int = Field(description="Instances that were not answered.", examples=[0])


OverheadReportRow: type[BaseModel] = create_model(
    "OverheadReportRow",
    __base__=_CountsRow,
    __doc__="Mean cost of an instance for each group; the groups are task and system if group_by is absent.",
    **{own.report_name: _figure_field(own) for own in sorted(LEDGER, key=lambda own: own.type is not bool)},
)


class PaperReportRow(Group):
    """The paper's overhead table: kilobytes of an instance, with each real as float32 and 1 KB = 1000 B."""

    num_instances: int = Field(description="Instances sent, including failed ones.", examples=[12])
    kilobytes: float = Field(description="Mean number of real values x 4 B / 1000 [KB].", examples=[0.128])


class LatencyReportRow(Group):
    """Duration of every hop for each group, over the instances that were answered; percentiles are exact."""

    hop: str = Field(description=" | ".join(HOPS), examples=["total"])
    num_instances: int = Field(description="Instances with a duration of this hop.", examples=[12])
    mean_ms: float | None = Field(description="Mean [ms].", examples=[41.2])
    p50_ms: float | None = Field(description="Median [ms].", examples=[39.8])
    p90_ms: float | None = Field(description="90th percentile [ms].", examples=[47.1])
    p99_ms: float | None = Field(description="99th percentile [ms].", examples=[52.6])


class _InstanceNames(BaseModel):
    instance_id: str = Field(
        description="Identifier that the transmitter gave the instance.", examples=["5f0c"]
    )
    created: str = Field(
        description="Time at which the row was written, UTC.", examples=["2026-01-01T10:05:01.5Z"]
    )
    status: str = Field(description="OK, or the class of an error.", examples=["OK"])
    task: str = Field(description="Task.", examples=["vqa"])
    system: str = Field(description="System.", examples=[DEFAULT_SYSTEM])
    link: str = Field(description="Link of the frame.", examples=["default"])
    channel: str = Field(description="Channel model of the link.", examples=["awgn"])
    fading: str = Field(description="Fading of the link.", examples=["block"])
    csi: str = Field(description="What the receiver knew of the gain.", examples=["perfect"])
    requested_snr_db: float = Field(description="Es/N0 per complex symbol [dB].", examples=[12.0])
    realised_snr_db: float = Field(description="Measured on this frame [dB].", examples=[11.8])
    noise_variance: float = Field(description="Noise variance per complex symbol [linear].", examples=[0.063])
    post_equalisation_snr_db: float | None = Field(
        description="SNR after equalisation, as the receiver estimates it [dB].", examples=[11.9]
    )
    k_factor_db: float | None = Field(
        description="Rician K factor [dB]; null for other channels.", examples=[6.0]
    )
    seed: str = Field(description="Seed of the draw, an unsigned 64-bit number.", examples=["0"])
    frame_number: str = Field(description="Number of the frame, an unsigned 64-bit number.", examples=["7"])


_NETWORK_DELAY = Field(
    description="Delay of this frame in the emulated network, with jitter; part of downlink [ms]. "
    "Null for rows of an older store.",
    examples=[0.0],
)
_COLUMNS: dict[str, Any] = {
    **{own.name: _ledger_field(own) for own in LEDGER},
    "network_delay_ms": (float | None, _NETWORK_DELAY),
    **{
        f"{hop}_ms": (float | None, Field(description=f"{holds} [ms].", examples=[1.2]))
        for hop, holds in HOPS.items()
    },
}
InstanceRow: type[BaseModel] = create_model(
    "InstanceRow",
    __base__=_InstanceNames,
    __doc__="All stored columns of single instances, latest first.",
    **_COLUMNS,
)


class InstancesQuery(BaseModel):
    """Query parameters that select instances and the format of the answer."""

    model_config = ConfigDict(extra="forbid")

    format: ReportFormat = Field("json", description="json | csv | parquet", examples=["csv"])
    task: str = Field("", description="Only this task.", examples=["vqa"], max_length=64)
    system: str = Field("", description="Only this system.", examples=[DEFAULT_SYSTEM], max_length=64)
    link: str = Field("", description="Only this link.", examples=["default"], max_length=64)
    channel: str = Field("", description="Only this channel.", examples=["rayleigh"], max_length=64)
    fading: str = Field("", description="Only this fading.", examples=["block"], max_length=64)
    csi: str = Field("", description="Only this CSI mode.", examples=["perfect"], max_length=64)
    status: str = Field(
        "", description="Only this status: OK, or the class of an error.", examples=["OK"], max_length=64
    )
    min_snr_db: float | None = Field(
        None, description="Lowest requested SNR, inclusive [dB].", examples=[0.0], allow_inf_nan=False
    )
    max_snr_db: float | None = Field(
        None, description="Highest requested SNR, inclusive [dB].", examples=[12.0], allow_inf_nan=False
    )
    since: datetime | None = Field(
        None,
        description="Only instances stored at this time or later; ISO 8601, UTC if it has no time zone.",
        examples=["2026-01-01T10:00:00Z"],
    )
    until: datetime | None = Field(
        None,
        description="Only instances stored before this time; ISO 8601, UTC if it has no time zone.",
        examples=["2026-01-02T10:00:00Z"],
    )

    def selection(self) -> dict[str, Any]:
        """The fields that select instances."""
        return {name: getattr(self, name) for name in InstancesQuery.model_fields if name != "format"}


class InstancePageQuery(InstancesQuery):
    """Query parameters that select a page of single instances."""

    limit: int = Field(1000, ge=1, le=MAX_INSTANCES, description="Largest number of rows.", examples=[100])
    offset: int = Field(
        0, ge=0, lt=1 << 63, description="Number of rows to skip before the first.", examples=[0]
    )

    def to_query(self) -> InstanceQuery:
        """The query for the report store."""
        return InstanceQuery(ReportQuery(**self.selection()), self.limit, self.offset)


class GroupedReportQuery(InstancesQuery):
    """Query parameters of a report: which instances, and how they are grouped."""

    group_by: str = Field(
        "task,system",
        description=f"Any of {', '.join(GROUPINGS)}, separated by commas; empty for one group of all.",
        examples=["task,system,channel,snr_bin,hour"],
        max_length=128,
    )
    snr_bin_db: float = Field(1.0, description="Width of a bin of the grouping snr_bin [dB].", examples=[3.0])

    def to_query(self) -> ReportQuery:
        """The query for the report store."""
        names = tuple(name.strip() for name in self.group_by.split(",")) if self.group_by.strip() else ()
        return ReportQuery(**self.selection(), group_by=names, snr_bin_db=self.snr_bin_db)


def add_report_routes(app: FastAPI, store: Store) -> None:
    """Add GET /reports/{overhead,paper,latency,instances} to an app.

    Args:
        app: The service's app.
        store: The report store, shared with the gRPC service.
    """
    _add_grouped(app, "overhead", OverheadReportRow, store.overhead)
    _add_grouped(app, "paper", PaperReportRow, store.paper)
    _add_grouped(app, "latency", LatencyReportRow, store.latency)

    @app.get("/reports/instances", **_documented(InstanceRow))
    async def instances(query: Annotated[InstancePageQuery, Query()]) -> Response:
        rows = await asyncio.to_thread(store.instances, query.to_query())
        return await _render(query.format, InstanceRow, list(InstanceRow.model_fields), rows)


def _add_grouped(
    app: FastAPI,
    name: str,
    row_model: type[BaseModel],
    read: Callable[[ReportQuery], list[dict[str, Any]]],
) -> None:
    values = [column for column in row_model.model_fields if column not in Group.model_fields]

    @app.get(f"/reports/{name}", name=f"report_{name}", **_documented(row_model))
    async def report(query: Annotated[GroupedReportQuery, Query()]) -> Response:
        report_query = query.to_query()
        rows = await asyncio.to_thread(read, report_query)
        return await _render(query.format, row_model, [*report_query.group_by, *values], rows)


def _documented(row_model: type[BaseModel]) -> dict[str, Any]:
    contents: dict[str, Any] = {form.media_type: {} for form in _FORMS.values()}
    return {
        "tags": ["reports"],
        "summary": (row_model.__doc__ or "").strip(),
        "responses": {
            200: {"model": list[row_model], "content": contents},  # type: ignore[valid-type]
            **error_responses(422, 503),
        },
    }


async def _render(
    name: str, row_model: type[BaseModel], columns: Sequence[str], rows: Sequence[Row]
) -> Response:
    form = _FORMS[name]
    shown = [{column: _plain(row[column]) for column in columns} for row in rows]
    content = await asyncio.to_thread(form.write, row_model, columns, shown)
    return Response(content, media_type=form.media_type)


def _plain(value: Any) -> Any:
    """A value that every format can hold: NaN and infinity become None, times become ISO 8601."""
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_json(row_model: type[BaseModel], columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    return bytes(JSONResponse(rows).body)


def _as_csv(row_model: type[BaseModel], columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _as_parquet(row_model: type[BaseModel], columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    """Types come from the row model, so that a column has its type even if it has no values."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        allowed = "json, csv; for parquet, install the extra on this service: pip install 'semcom[reports]'"
        raise InvalidField("format", "parquet", allowed) from error
    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, types[_type_of(row_model, name)]) for name in columns])
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), sink)
    return sink.getvalue()


def _type_of(row_model: type[BaseModel], column: str) -> Any:
    """Type of a field: str, int, float or bool, also if the field may be None."""
    annotation = row_model.model_fields[column].annotation
    return next((part for part in get_args(annotation) if part is not type(None)), annotation)


@dataclass(frozen=True)
class _Form:
    """A format of a report: its media type and the function that writes it."""

    media_type: str
    write: Callable[[type[BaseModel], Sequence[str], Sequence[Row]], bytes]


_FORMS: Mapping[str, _Form] = {
    "json": _Form("application/json", _as_json),
    "csv": _Form("text/csv; charset=utf-8", _as_csv),
    "parquet": _Form("application/vnd.apache.parquet", _as_parquet),
}
