"""Queries on the report store: groups, filters, exact percentiles, pages."""

import sqlite3
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from stored_rows import ROW, add, page

from channel_service.reports.queries import ReportQuery
from shared.errors import InvalidField
from shared.ledger import HOPS


def test_overhead_groups_by_task_and_system_and_counts_the_failed(store):
    add(
        store,
        {"instance_id": "a", "source_bytes": 100},
        {"instance_id": "b", "source_bytes": 300, "status": "ServiceUnavailable"},
        {"instance_id": "c", "task": "sentiment"},
        {"instance_id": "d", "system": "other"},
    )
    rows = store.overhead()
    assert [(row["task"], row["system"]) for row in rows] == [
        ("sentiment", "mfmsc"),
        ("vqa", "mfmsc"),
        ("vqa", "other"),
    ]
    vqa = rows[1]
    assert (vqa["num_instances"], vqa["num_failed"], vqa["source_bytes"]) == (2, 1, 200)
    assert type(vqa["num_failed"]) is int
    assert (vqa["channel_uses"], vqa["payload_bytes"]) == (16, 128)


@pytest.mark.parametrize(("name", "value"), [("task", "x"), ("system", "x"), ("link", "x")])
def test_reports_can_be_filtered(store, name, value):
    add(store, {"instance_id": "a"}, {"instance_id": "b", name: value})
    (row,) = store.overhead(ReportQuery(**{name: value}))
    assert row["num_instances"] == 1
    assert {
        row["num_instances"] for row in store.latency(ReportQuery(**{name: value})) if row["hop"] == "channel"
    } == {1}
    assert store.overhead(ReportQuery(**{name: "absent"})) == []
    assert store.latency(ReportQuery(**{name: "absent"})) == []


def test_percentiles_are_exact(store):
    times = np.random.default_rng(0).exponential(10, 1001)
    add(store, *({"instance_id": str(i), "decode_ms": float(t)} for i, t in enumerate(times)))
    row = next(row for row in store.latency() if row["hop"] == "decode")
    ranked = np.sort(times)
    assert row["num_instances"] == 1001
    # With 1001 values these percentiles fall on values of the sample.
    assert [row["p50_ms"], row["p90_ms"], row["p99_ms"]] == [ranked[500], ranked[900], ranked[990]]
    assert row["mean_ms"] == pytest.approx(times.mean())


def test_latency_has_every_hop_and_leaves_failed_instances_out(store):
    add(store, {"instance_id": "a"}, {"instance_id": "b", "status": "DeadlineExceeded", "channel_ms": 1e3})
    rows = store.latency()
    assert [row["hop"] for row in rows] == list(HOPS)
    by_hop = {row["hop"]: row for row in rows}
    assert (by_hop["channel"]["num_instances"], by_hop["channel"]["p99_ms"]) == (1, 1.0)
    assert (by_hop["total"]["num_instances"], by_hop["total"]["mean_ms"]) == (0, None)


def test_outages_are_counted_and_bits_are_means_over_what_is_known(store):
    add(
        store,
        {"instance_id": "a", "outage": True, "blocks_in_error": 3, "information_bits": 1000},
        {"instance_id": "b", "outage": False},
        {"instance_id": "c", "outage": None, "blocks_in_error": None, "status": "ServiceUnavailable"},
    )
    (row,) = store.overhead()
    assert (row["num_instances"], row["num_failed"], row["num_outages"]) == (3, 1, 1)
    assert row["blocks_in_error"] == 1.5
    assert row["information_bits"] == pytest.approx((1000 + 800 + 800) / 3)


def test_groups_are_those_of_the_query(store):
    rows = [("a", -0.5, "awgn"), ("b", 0.0, "awgn"), ("c", 1.9, "awgn"), ("d", 2.0, "rayleigh")]
    add(store, *({"instance_id": i, "requested_snr_db": snr, "channel": c} for i, snr, c in rows))
    by_bin = store.overhead(ReportQuery(group_by=("channel", "snr_bin"), snr_bin_db=2.0))
    assert [(row["channel"], row["snr_bin"], row["num_instances"]) for row in by_bin] == [
        ("awgn", -2.0, 1),
        ("awgn", 0.0, 2),
        ("rayleigh", 2.0, 1),
    ]
    assert "task" not in by_bin[0]
    latency = store.latency(ReportQuery(group_by=("snr_bin",), snr_bin_db=2.0))
    assert {row["snr_bin"]: row["num_instances"] for row in latency if row["hop"] == "decode"} == {
        -2.0: 1,
        0.0: 2,
        2.0: 1,
    }
    (whole,) = store.overhead(ReportQuery(group_by=()))
    assert whole["num_instances"] == 4
    assert store.overhead(ReportQuery(group_by=(), task="absent")) == []


def test_bins_are_named_by_their_lower_edge_without_rounding_noise(store):
    add(store, {"instance_id": "a", "requested_snr_db": 0.35})
    (row,) = store.overhead(ReportQuery(group_by=("snr_bin",), snr_bin_db=0.1))
    assert row["snr_bin"] == 0.3


@pytest.mark.parametrize("snr_bin_db", [0.01, 0.1, 0.3, 0.7, 1.0])
def test_an_snr_on_an_edge_is_in_the_bin_above_it(store, snr_bin_db):
    edges = [round(number * snr_bin_db, 2) for number in range(-40, 80)]
    add(store, *({"instance_id": str(edge), "requested_snr_db": edge} for edge in edges))
    rows = store.overhead(ReportQuery(group_by=("snr_bin",), snr_bin_db=snr_bin_db))
    assert [(row["snr_bin"], row["num_instances"]) for row in rows] == [(edge, 1) for edge in edges]


def test_time_selects_and_groups(store, path):
    add(store, *({"instance_id": name} for name in "abc"))
    moments = {
        "a": "2026-01-01 09:59:59.999999",
        "b": "2026-01-01 10:00:00.000000",
        "c": "2026-01-02 10:30:00",
    }
    with sqlite3.connect(path) as other:
        other.executemany(
            "UPDATE instances SET created = ? WHERE instance_id = ?", [(t, i) for i, t in moments.items()]
        )
    other.close()
    by_hour = store.overhead(ReportQuery(group_by=("hour",)))
    assert [row["hour"] for row in by_hour] == [
        "2026-01-01T09:00:00Z",
        "2026-01-01T10:00:00Z",
        "2026-01-02T10:00:00Z",
    ]
    assert [row["num_instances"] for row in store.overhead(ReportQuery(group_by=("day",)))] == [2, 1]
    # 12:00 in a time zone two hours east of UTC is 10:00 UTC: `since` includes it, `until` does not.
    east = timezone(timedelta(hours=2))
    ten = datetime(2026, 1, 1, 12, tzinfo=east)
    assert [row["instance_id"] for row in page(store, since=ten)] == ["c", "b"]
    assert [row["instance_id"] for row in page(store, until=ten)] == ["a"]
    assert [row["instance_id"] for row in page(store, since=datetime(2026, 1, 2))] == ["c"]


def test_snr_ranges_include_their_ends(store):
    add(store, *({"instance_id": str(snr), "requested_snr_db": float(snr)} for snr in range(5)))
    assert [row["instance_id"] for row in page(store, min_snr_db=1.0, max_snr_db=3.0)] == ["3", "2", "1"]


def test_instances_are_complete_rows_latest_first_in_pages(store):
    add(store, *({"instance_id": str(number)} for number in range(5)))
    rows = page(store, limit=2, offset=1)
    assert [row["instance_id"] for row in rows] == ["3", "2"]
    assert {name: rows[0][name] for name in ROW} == {**ROW, "instance_id": "3"}


def test_the_papers_table_is_float32_kilobytes(store):
    """32 reals are the paper's 0.128 KB with every encoding."""
    add(
        store,
        {"instance_id": "a", "payload_bytes": 32},
        {"instance_id": "b"},
        {"instance_id": "c", "task": "sentiment", "real_values": 64},
    )
    rows = store.paper()
    assert [(row["task"], row["system"], row["num_instances"], row["kilobytes"]) for row in rows] == [
        ("sentiment", "mfmsc", 1, 0.256),
        ("vqa", "mfmsc", 2, 0.128),
    ]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"group_by": ("colour",)}, "group_by"),
        ({"group_by": ("task", "task")}, "group_by"),
        ({"snr_bin_db": 0.0}, "snr_bin_db"),
        ({"snr_bin_db": float("nan")}, "snr_bin_db"),
    ],
)
def test_bad_queries_name_the_field(fields, named):
    with pytest.raises(InvalidField) as caught:
        ReportQuery(**fields)
    assert caught.value.field == named
    assert caught.value.allowed
