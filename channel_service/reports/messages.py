"""Protobuf messages of reports: makes a query from a request, and messages from the rows of a report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from channel_service.reports.queries import GROUPINGS, ReportQuery
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField

_SELECTIONS = ("task", "system", "link", "channel", "fading", "csi", "status")
_OPTIONAL = ("min_snr_db", "max_snr_db", "snr_bin_db")


def query_of(request: channel_service_pb2.GetReportRequest) -> ReportQuery:
    """The query of a request; absent fields have their default value.

    Raises:
        InvalidField: If a value is not allowed.
    """
    given: dict[str, Any] = {name: getattr(request, name) for name in _SELECTIONS}
    given |= {name: getattr(request, name) for name in _OPTIONAL if request.HasField(name)}
    for name in ("since", "until"):
        if request.HasField(name):
            given[name] = _time_of(name, getattr(request, name))
    if request.group_by:
        given["group_by"] = tuple(request.group_by)
    return ReportQuery(**given)


def overhead_row(row: Mapping[str, Any]) -> channel_service_pb2.OverheadRow:
    """The message of a row of the overhead report; columns of `group_by` without a field go into `group`."""
    return channel_service_pb2.OverheadRow(**_fields(row))


def latency_row(row: Mapping[str, Any]) -> channel_service_pb2.LatencyRow:
    """The message of a row of the latency report; columns of `group_by` without a field go into `group`."""
    return channel_service_pb2.LatencyRow(**_fields(row))


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    others = [name for name in row if name in GROUPINGS and name not in ("task", "system")]
    own = {name: value for name, value in row.items() if name not in others}
    return {**own, "group": {name: str(row[name]) for name in others}}


def _time_of(field: str, timestamp: Timestamp) -> datetime:
    try:
        return timestamp.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        seconds = f"{timestamp.seconds} s"
        raise InvalidField(field, seconds, "a time of the years 1 to 9999") from error
