"""The report store: no answered instance is lost, none is counted twice, percentiles are exact."""

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from channel_service.reports.instances import INSTANCES
from channel_service.reports.queries import InstanceQuery, ReportQuery
from channel_service.reports.store import Store
from shared.errors import InvalidField, ServiceUnavailable
from shared.ledger import HOPS

ROW = {
    "instance_id": "a",
    "status": "OK",
    "task": "vqa",
    "system": "mfmsc",
    "link": "default",
    "channel": "awgn",
    "fading": "block",
    "csi": "perfect",
    "requested_snr_db": 12.0,
    "realised_snr_db": 11.9,
    "noise_variance": 0.063,
    "seed": str(2**64 - 1),
    "frame_number": "7",
    "source_bytes": 100,
    "real_values": 32,
    "channel_uses": 16,
    "num_pilots": 0,
    "payload_bytes": 128,
    "message_bytes": 200,
    "wire_bytes": 230,
    "airtime_ms": 0.016,
    "bandwidth_ratio": 0.25,
    "network_delay_ms": 1.5,
    "information_bits": 800,
    "coded_bits": 1944,
    "num_blocks": 1,
    "code_rate": 800 / 1944,
    "blocks_in_error": 0,
    "outage": False,
    "channel_ms": 1.0,
    "downlink_ms": 2.0,
    "decode_ms": 3.0,
}


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "made" / "reports.sqlite3")


@pytest.fixture
def store(path):
    opened = Store(path)
    yield opened
    opened.close()


def add(store: Store, *rows: dict) -> None:
    asyncio.run(store.add([{**ROW, **row} for row in rows]))


def test_rows_survive_reopening(path):
    first = Store(path)
    add(first, {"instance_id": "a"}, {"instance_id": "b"})
    first.close()
    second = Store(path)
    assert second.overhead()[0]["num_instances"] == 2
    second.close()


def test_a_committed_row_survives_sigkill(path):
    """A process stores a row, prints that, and is then killed before it can close the store."""
    program = f"""
        import asyncio, os, signal
        from channel_service.reports.store import Store
        asyncio.run(Store({path!r}).add([{ROW!r}]))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], timeout=60, check=False)
    assert killed.returncode == -9
    store = Store(path)
    assert store.overhead()[0]["num_instances"] == 1
    store.close()


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


def test_completed_hops_add_up_to_the_total(store):
    add(store, {"instance_id": "a"})
    completed = [
        {"instance_id": "a", "encode_ms": 10.0, "uplink_ms": 4.0, "total_ms": 25.0},
        {"instance_id": "never stored", "encode_ms": 1.0, "uplink_ms": 1.0, "total_ms": 2.0},
    ]
    assert asyncio.run(store.complete(completed)) == 1
    means = {row["hop"]: row["mean_ms"] for row in store.latency()}
    assert means == {"encode": 10, "uplink": 4, "channel": 6, "downlink": 2, "decode": 3, "total": 25}


def test_completing_a_failed_instance_keeps_its_measured_times(store):
    add(store, {"instance_id": "a", "status": "ServiceUnavailable", "downlink_ms": None, "decode_ms": None})
    times = {"encode_ms": 1.0, "uplink_ms": 1.0, "total_ms": 9.0}
    assert asyncio.run(store.complete([{"instance_id": "a", **times}])) == 1
    with store._engine.connect() as connection:
        assert connection.execute(INSTANCES.select()).one().channel_ms == 1.0


def test_an_instance_is_stored_once_and_a_refused_one_harms_no_other_caller(store):
    async def scenario():
        outcomes = await asyncio.gather(
            store.add([{**ROW, "instance_id": "a"}]),
            store.add([{**ROW, "instance_id": "fresh"}, {**ROW, "instance_id": "a"}]),
            store.add([{**ROW, "instance_id": "b"}]),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [type(None), InvalidField, type(None)]

    asyncio.run(scenario())
    assert store.overhead()[0]["num_instances"] == 2


def test_rows_of_many_callers_at_once_are_each_stored_once(store):
    async def scenario():
        await asyncio.gather(*(store.add([{**ROW, "instance_id": str(i)}]) for i in range(500)))

    asyncio.run(scenario())
    assert store.overhead()[0]["num_instances"] == 500


def test_a_caller_that_cancels_neither_loses_its_row_nor_stops_the_writer(store):
    async def scenario():
        waiting = asyncio.create_task(store.add([{**ROW, "instance_id": "given up"}]))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(store.add([{**ROW, "instance_id": "next"}]), timeout=10)

    asyncio.run(scenario())
    assert store.overhead()[0]["num_instances"] == 2


def test_close_commits_waiting_rows(path):
    store = Store(path)

    async def scenario():
        waiting = asyncio.create_task(store.add([ROW]))
        await asyncio.sleep(0)
        store.close()
        await waiting

    asyncio.run(scenario())
    reopened = Store(path)
    assert reopened.overhead()[0]["num_instances"] == 1
    reopened.close()


def test_a_store_that_fails_is_unavailable_and_says_so(store, path):
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE instances")
    other.close()
    with pytest.raises(ServiceUnavailable, match="report store"):
        add(store, {"instance_id": "a"})
    with pytest.raises(ServiceUnavailable, match="report store"):
        store.overhead()
    with pytest.raises(ServiceUnavailable, match="report store"):
        asyncio.run(store.check())


def test_a_store_of_another_version_is_refused(path):
    Store(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(InvalidField, match="SEMCOM_CHANNEL_STORE"):
        Store(path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("this is no database, and long enough to be seen as none\n" * 100)
    for place in (text, tmp_path, text / "below a file.sqlite3"):
        with pytest.raises(InvalidField, match="SEMCOM_CHANNEL_STORE"):
            Store(str(place))


_ADDED_LAST = ["information_bits", "coded_bits", "num_blocks", "code_rate", "blocks_in_error", "outage"]


@pytest.mark.parametrize(
    ("version", "lacking"),
    [
        (1, ["wire_bytes", "network_delay_ms", *_ADDED_LAST]),
        (2, ["network_delay_ms", *_ADDED_LAST]),
        (3, _ADDED_LAST),
    ],
)
def test_a_store_of_an_earlier_version_is_migrated(path, version, lacking):
    first = Store(path)
    add(first, {"instance_id": "old"})
    first.close()
    with sqlite3.connect(path) as other:
        for name in lacking:
            other.execute(f"ALTER TABLE instances DROP COLUMN {name}")
        other.execute(f"PRAGMA user_version = {version}")
    other.close()
    for _ in range(2):  # the second opening migrates nothing
        Store(path).close()
    second = Store(path)
    add(second, {"instance_id": "new"})
    new, old = page(second)
    assert {name: (old[name], new[name]) for name in lacking} == {name: (None, ROW[name]) for name in lacking}
    assert {**ROW, **dict.fromkeys(lacking), "instance_id": "old"}.items() <= old.items()
    # The mean is over the instances whose bytes are known.
    assert (second.overhead()[0]["num_instances"], second.overhead()[0]["wire_bytes"]) == (2, 230)
    second.close()


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


def page(store: Store, limit: int = 1000, offset: int = 0, **filters) -> list[dict]:
    return store.instances(InstanceQuery(ReportQuery(**filters), limit, offset))


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


def test_only_the_newest_rows_are_kept(path):
    limited = Store(path, max_rows=10)
    for number in range(25):
        add(limited, {"instance_id": f"{number}"})
    assert [row["instance_id"] for row in page(limited)] == [str(number) for number in range(24, 14, -1)]
    add(limited, *({"instance_id": f"batch {number}"} for number in range(12)))
    assert [row["instance_id"] for row in page(limited)] == [f"batch {number}" for number in range(11, 1, -1)]
    limited.close()
    reopened = Store(path, max_rows=4)
    add(reopened, {"instance_id": "last"})
    assert [row["instance_id"] for row in page(reopened)] == ["last", "batch 11", "batch 10", "batch 9"]
    reopened.close()


def test_a_refused_row_deletes_no_other(path):
    limited = Store(path, max_rows=2)
    add(limited, {"instance_id": "a"}, {"instance_id": "b"})
    with pytest.raises(InvalidField, match="instance_id"):
        add(limited, {"instance_id": "b"})
    assert [row["instance_id"] for row in page(limited)] == ["b", "a"]
    limited.close()


def test_an_instance_that_is_sent_again_takes_the_place_of_its_first_try(path):
    limited = Store(path, max_rows=3)
    add(limited, {"instance_id": "a", "status": "ServiceUnavailable"}, {"instance_id": "b"})
    again = [{**ROW, "instance_id": name} for name in ("a", "c")]
    asyncio.run(limited.add(again, replaces=True))
    assert {row["instance_id"]: row["status"] for row in page(limited)} == dict.fromkeys("abc", "OK")
    add(limited, {"instance_id": "d"})
    assert [row["instance_id"] for row in page(limited)] == ["d", "c", "a"]
    limited.close()
