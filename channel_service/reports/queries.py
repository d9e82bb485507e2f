"""Queries of reports and their SQL statements: filters, groups, means and percentiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Float, Select, func, literal_column, select

from channel_service.reports.instances import INSTANCES
from shared.errors import InvalidField
from shared.ledger import HOPS, LEDGER, LedgerField
from shared.signal import MAX_SNR_DB, MIN_SNR_DB

MAX_INSTANCES = 100_000
_MAX_BIN_DB = MAX_SNR_DB - MIN_SNR_DB
# An edge is a product of floats; rounding gives 0.3 instead of 0.30000000000000004.
_BIN_DECIMALS = 6
# An SNR on the edge of a bin belongs to the bin above it, but 0.3 / 0.1 is 2.9999999999999996.
_RATIO_DECIMALS = 9
_PAPER_KILOBYTES_A_REAL = 4 / 1000
_COLUMNS = INSTANCES.c


def _snr_bin(query: ReportQuery) -> ColumnElement[Any]:
    """Lower edge of the bin that contains the requested SNR [dB]."""
    ratio = func.round(_COLUMNS.requested_snr_db / query.snr_bin_db, _RATIO_DECIMALS)
    return func.round(func.floor(ratio) * query.snr_bin_db, _BIN_DECIMALS)


def _time_in(form: str) -> Callable[[ReportQuery], ColumnElement[Any]]:
    return lambda query: func.strftime(form, _COLUMNS.created)


def _column(name: str) -> Callable[[ReportQuery], ColumnElement[Any]]:
    return lambda query: _COLUMNS[name]


GROUPINGS: Mapping[str, Callable[[ReportQuery], ColumnElement[Any]]] = {
    **{name: _column(name) for name in ("task", "system", "link", "channel", "fading", "csi", "status")},
    "snr_bin": _snr_bin,
    "minute": _time_in("%Y-%m-%dT%H:%M:00Z"),
    "hour": _time_in("%Y-%m-%dT%H:00:00Z"),
    "day": _time_in("%Y-%m-%dT00:00:00Z"),
}
_EQUAL = ("task", "system", "link", "channel", "fading", "csi", "status")
_RANGES: Mapping[str, Callable[[Any], ColumnElement[bool]]] = {
    "min_snr_db": lambda value: _COLUMNS.requested_snr_db >= value,
    "max_snr_db": lambda value: _COLUMNS.requested_snr_db <= value,
    "since": lambda value: _COLUMNS.created >= _as_stored(value),
    "until": lambda value: _COLUMNS.created < _as_stored(value),
}


@dataclass(frozen=True)
class ReportQuery:
    """Which instances a report is made of, and how they are grouped.

    Attributes:
        task: Only this task. For this and the next six, an empty string selects all.
        system: Only this system.
        link: Only this link.
        channel: Only this channel model.
        fading: Only this fading.
        csi: Only this CSI mode.
        status: Only this status, "OK" or the class of an error.
        min_snr_db: Lowest requested SNR [dB].
        max_snr_db: Highest requested SNR [dB].
        since: Only instances stored at this time or later; UTC if it has no time zone.
        until: Only instances stored before this time; UTC if it has no time zone.
        group_by: Names in GROUPINGS, each at most once, in the order of the report's columns.
        snr_bin_db: Width of a bin of the grouping `snr_bin` [dB].

    Raises:
        InvalidField: If a value is not allowed.
    """

    task: str = ""
    system: str = ""
    link: str = ""
    channel: str = ""
    fading: str = ""
    csi: str = ""
    status: str = ""
    min_snr_db: float | None = None
    max_snr_db: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    group_by: tuple[str, ...] = ("task", "system")
    snr_bin_db: float = 1.0

    def __post_init__(self) -> None:
        is_known = all(name in GROUPINGS for name in self.group_by)
        if not (is_known and len(set(self.group_by)) == len(self.group_by)):
            raise InvalidField("group_by", ",".join(self.group_by), f"each once: {', '.join(GROUPINGS)}")
        for name in ("min_snr_db", "max_snr_db"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise InvalidField(name, value, "a finite number of decibels")
        for name in ("since", "until"):
            if (time := getattr(self, name)) is not None:
                _check_time(name, time)
        # The comparison is also false for NaN.
        if not 0.01 <= self.snr_bin_db <= _MAX_BIN_DB:
            raise InvalidField("snr_bin_db", self.snr_bin_db, f"0.01 to {_MAX_BIN_DB:g} dB")

    def conditions(self) -> list[ColumnElement[bool]]:
        """Conditions that a selected row meets."""
        equal = [_COLUMNS[name] == getattr(self, name) for name in _EQUAL if getattr(self, name)]
        ranges = ((is_within, getattr(self, name)) for name, is_within in _RANGES.items())
        return [*equal, *(is_within(value) for is_within, value in ranges if value is not None)]

    def keys(self) -> list[ColumnElement[Any]]:
        """The columns that name a group."""
        return [GROUPINGS[name](self).label(name) for name in self.group_by]


@dataclass(frozen=True)
class InstanceQuery:
    """A page of single instances, the latest first.

    Attributes:
        matching: Its filters select the instances; its groups are not used.
        limit: Largest number of rows, 1 to MAX_INSTANCES.
        offset: Number of rows to skip before the first.

    Raises:
        InvalidField: If limit or offset is not allowed.
    """

    matching: ReportQuery = ReportQuery()
    limit: int = 1000
    offset: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_INSTANCES:
            raise InvalidField("limit", self.limit, f"1 to {MAX_INSTANCES}")
        if self.offset < 0:
            raise InvalidField("offset", self.offset, "at least 0")


DEFAULT_QUERY = ReportQuery()


def overhead_statement(query: ReportQuery) -> Select[Any]:
    """Mean cost of an instance for each group; failed instances are included, because they were sent too."""
    failed = func.count().filter(_COLUMNS.status != "OK").label("num_failed")
    figures = [_figure(own).label(own.report_name) for own in LEDGER]
    return _grouped(query, [func.count().label("num_instances"), failed, *figures])


def _figure(own: LedgerField) -> ColumnElement[Any]:
    column = _COLUMNS[own.name]
    return func.count().filter(column) if own.type is bool else func.avg(column)


def paper_statement(query: ReportQuery) -> Select[Any]:
    """The paper's overhead table: kilobytes of an instance, with each real as float32 and 1 KB = 1000 B."""
    kilobytes = func.avg(_COLUMNS.real_values, type_=Float) * _PAPER_KILOBYTES_A_REAL
    return _grouped(query, [func.count().label("num_instances"), kilobytes.label("kilobytes")])


def latency_statement(query: ReportQuery) -> Select[Any]:
    """Group and durations of every instance that was answered."""
    hops = [_COLUMNS[f"{hop}_ms"] for hop in HOPS]
    return select(*query.keys(), *hops).where(_COLUMNS.status == "OK", *query.conditions())


def instance_statement(query: InstanceQuery) -> Select[Any]:
    """Complete rows, latest first; the order is that of SQLite's rowid, which grows with every new row."""
    statement = select(INSTANCES).where(*query.matching.conditions())
    return statement.order_by(literal_column("rowid").desc()).limit(query.limit).offset(query.offset)


def latency_rows(query: ReportQuery, instances: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Mean and percentiles of every hop for every group.

    Percentiles are computed from all values, with linear interpolation between neighbours (NumPy's default).

    Args:
        query: The query.
        instances: Rows of `latency_statement` for this query.

    Returns:
        One row for each hop of each group.
    """
    num_keys = len(query.group_by)
    groups: dict[tuple[Any, ...], list[Sequence[Any]]] = {}
    for row in instances:
        groups.setdefault(tuple(row[:num_keys]), []).append(row[num_keys:])
    return [
        {**dict(zip(query.group_by, key, strict=True)), "hop": hop, **_summary(column)}
        for key, rows in sorted(groups.items())
        for hop, column in zip(HOPS, zip(*rows, strict=True), strict=True)
    ]


def _grouped(query: ReportQuery, figures: Sequence[ColumnElement[Any]]) -> Select[Any]:
    keys = query.keys()
    statement = select(*keys, *figures).where(*query.conditions())
    # Without groups, SQL gives a row even if there is no instance; `having` removes it.
    return statement.group_by(*keys).order_by(*keys) if keys else statement.having(func.count() > 0)


def _check_time(name: str, time: datetime) -> None:
    """Check that a time exists in UTC: near the years 1 and 9999, its time in UTC may be out of range."""
    try:
        _as_stored(time)
    except OverflowError as error:
        raise InvalidField(name, time.isoformat(), "a time of the years 1 to 9999 in UTC") from error


def _as_stored(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def _summary(times: Sequence[float | None]) -> dict[str, Any]:
    known = np.array([time for time in times if time is not None])
    if not known.size:
        return {"num_instances": 0, "mean_ms": None, "p50_ms": None, "p90_ms": None, "p99_ms": None}
    p50, p90, p99 = np.percentile(known, [50, 90, 99])
    return {
        "num_instances": int(known.size),
        "mean_ms": float(known.mean()),
        "p50_ms": float(p50),
        "p90_ms": float(p90),
        "p99_ms": float(p99),
    }
