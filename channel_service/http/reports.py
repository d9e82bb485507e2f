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
from pydantic import BaseModel, ConfigDict, Field

from channel_service.reports.queries import GROUPINGS, MAX_INSTANCES, InstanceQuery, ReportQuery
from channel_service.reports.store import Store
from shared.errors import InvalidField
from shared.ledger import HOPS
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


class OverheadReportRow(Group):
    """Mean cost of an instance for each group; the groups are task and system if group_by is absent."""

    num_instances: int = Field(description="Instances sent, including failed ones.", examples=[12])
    num_failed: int = Field(description="Instances that were not answered.", examples=[0])
    num_outages: int = Field(description="Instances that were answered with an outage.", examples=[0])
    source_bytes: float = Field(
        description="Size of the input as the client sent it [bytes].", examples=[391.5]
    )
    real_values: float = Field(description="Real values sent, two for each channel use.", examples=[32])
    channel_uses: float = Field(description="Complex symbols sent, without pilots.", examples=[16])
    num_pilots: float = Field(description="Pilot symbols sent.", examples=[0])
    payload_bytes: float = Field(description="Size of the encoded symbols [bytes].", examples=[128])
    message_bytes: float = Field(description="Size of the frame's protobuf message [bytes].", examples=[236])
    wire_bytes: float | None = Field(
        description="Share of the request's HTTP/2 DATA frames, with the frame headers [bytes].",
        examples=[253],
    )
    airtime_ms: float = Field(description="Time on the air at the link's symbol rate [ms].", examples=[0.016])
    bandwidth_ratio: float = Field(
        description="Channel uses for each value of the source.", examples=[0.0013]
    )
    information_bits: float | None = Field(
        description="Bits of the source code; 0 for a system without channel coding.", examples=[5816]
    )
    coded_bits: float | None = Field(
        description="Bits that the symbols carry, signalling included; 0 without channel coding.",
        examples=[12280],
    )
    num_blocks: float | None = Field(description="Blocks of the channel code.", examples=[1])
    code_rate: float | None = Field(
        description="information_bits / coded_bits; 0 without channel coding.", examples=[0.4736]
    )
    blocks_in_error: float | None = Field(
        description="Blocks of the channel code whose CRC is wrong.", examples=[0]
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


class InstanceRow(BaseModel):
    """All stored columns of single instances, latest first."""

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
    source_bytes: int = Field(description="Size of the input as the client sent it [bytes].", examples=[391])
    real_values: int = Field(description="Real values sent, two for each channel use.", examples=[32])
    channel_uses: int = Field(description="Complex symbols sent, without pilots.", examples=[16])
    num_pilots: int = Field(description="Pilot symbols sent.", examples=[0])
    payload_bytes: int = Field(description="Size of the encoded symbols [bytes].", examples=[128])
    message_bytes: int = Field(description="Size of the frame's protobuf message [bytes].", examples=[236])
    wire_bytes: int | None = Field(
        description="Share of the request's HTTP/2 DATA frames, with the frame headers [bytes].",
        examples=[253],
    )
    airtime_ms: float = Field(description="Time on the air at the link's symbol rate [ms].", examples=[0.016])
    bandwidth_ratio: float = Field(
        description="Channel uses for each value of the source.", examples=[0.0013]
    )
    information_bits: int | None = Field(
        description="Bits of the source code; 0 for a system without channel coding.", examples=[5816]
    )
    coded_bits: int | None = Field(
        description="Bits that the symbols carry, signalling included; 0 without channel coding.",
        examples=[12280],
    )
    num_blocks: int | None = Field(description="Blocks of the channel code.", examples=[1])
    code_rate: float | None = Field(
        description="information_bits / coded_bits; 0 without channel coding.", examples=[0.4736]
    )
    blocks_in_error: int | None = Field(
        description="Blocks of the channel code whose CRC is wrong.", examples=[0]
    )
    outage: bool | None = Field(
        description="True if something of the source did not come across; null if there is no answer.",
        examples=[False],
    )
    network_delay_ms: float | None = Field(
        description="Delay of this frame in the emulated network, with jitter; part of downlink [ms]. "
        "Null for rows of an older store.",
        examples=[0.0],
    )
    encode_ms: float | None = Field(description="Time to encode at the transmitter [ms].", examples=[21.4])
    uplink_ms: float | None = Field(
        description="Network time between transmitter and channel service [ms].", examples=[0.9]
    )
    channel_ms: float | None = Field(description="Time in the channel service [ms].", examples=[1.2])
    downlink_ms: float | None = Field(
        description="Network time between channel service and receiver [ms].", examples=[0.8]
    )
    decode_ms: float | None = Field(description="Time to decode at the receiver [ms].", examples=[1.9])
    total_ms: float | None = Field(description="Sum of all hops [ms].", examples=[26.2])


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
