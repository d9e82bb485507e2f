"""The report store: nothing acknowledged is lost, nothing is counted twice, percentiles are exact."""

import asyncio
import sqlite3
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from channel_service.reports import INSTANCES, Store
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
    "airtime_ms": 0.016,
    "bandwidth_ratio": 0.25,
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
    assert second.overhead({})[0]["num_instances"] == 2
    second.close()


def test_a_committed_row_survives_sigkill(path):
    """A process stores a row, says so, and is killed with no chance to close anything."""
    program = f"""
        import asyncio, os, signal
        from channel_service.reports import Store
        asyncio.run(Store({path!r}).add([{ROW!r}]))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], timeout=60, check=False)
    assert killed.returncode == -9
    store = Store(path)
    assert store.overhead({})[0]["num_instances"] == 1
    store.close()


def test_overhead_groups_by_task_and_system_and_counts_the_failed(store):
    add(
        store,
        {"instance_id": "a", "source_bytes": 100},
        {"instance_id": "b", "source_bytes": 300, "status": "ServiceUnavailable"},
        {"instance_id": "c", "task": "sentiment"},
        {"instance_id": "d", "system": "other"},
    )
    rows = store.overhead({})
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
def test_reports_can_be_narrowed(store, name, value):
    add(store, {"instance_id": "a"}, {"instance_id": "b", name: value})
    (row,) = store.overhead({name: value})
    assert row["num_instances"] == 1
    assert {row["num_instances"] for row in store.latency({name: value}) if row["hop"] == "channel"} == {1}
    assert store.overhead({name: "absent"}) == store.latency({name: "absent"}) == []


def test_percentiles_are_exact(store):
    times = np.random.default_rng(0).exponential(10, 1001)
    add(store, *({"instance_id": str(i), "decode_ms": float(t)} for i, t in enumerate(times)))
    row = next(row for row in store.latency({}) if row["hop"] == "decode")
    ranked = np.sort(times)
    assert row["num_instances"] == 1001
    # With 1001 values these percentiles fall on values of the sample.
    assert [row["p50_ms"], row["p90_ms"], row["p99_ms"]] == [ranked[500], ranked[900], ranked[990]]
    assert row["mean_ms"] == pytest.approx(times.mean())


def test_latency_has_every_hop_and_leaves_failed_instances_out(store):
    add(store, {"instance_id": "a"}, {"instance_id": "b", "status": "DeadlineExceeded", "channel_ms": 1e3})
    rows = store.latency({})
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
    means = {row["hop"]: row["mean_ms"] for row in store.latency({})}
    assert means == {"encode": 10, "uplink": 4, "channel": 6, "downlink": 2, "decode": 3, "total": 25}


def test_completing_a_failed_instance_keeps_what_was_measured(store):
    add(store, {"instance_id": "a", "status": "ServiceUnavailable", "downlink_ms": None, "decode_ms": None})
    times = {"encode_ms": 1.0, "uplink_ms": 1.0, "total_ms": 9.0}
    assert asyncio.run(store.complete([{"instance_id": "a", **times}])) == 1
    with store._engine.connect() as connection:
        assert connection.execute(INSTANCES.select()).one().channel_ms == 1.0


def test_an_instance_is_stored_once_and_its_company_is_not_hurt(store):
    async def scenario():
        outcomes = await asyncio.gather(
            store.add([{**ROW, "instance_id": "a"}]),
            store.add([{**ROW, "instance_id": "fresh"}, {**ROW, "instance_id": "a"}]),
            store.add([{**ROW, "instance_id": "b"}]),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [type(None), InvalidField, type(None)]

    asyncio.run(scenario())
    assert store.overhead({})[0]["num_instances"] == 2


def test_rows_of_many_callers_at_once_are_each_stored_once(store):
    async def scenario():
        await asyncio.gather(*(store.add([{**ROW, "instance_id": str(i)}]) for i in range(500)))

    asyncio.run(scenario())
    assert store.overhead({})[0]["num_instances"] == 500


def test_a_caller_that_gives_up_neither_loses_its_row_nor_stops_the_writer(store):
    async def scenario():
        waiting = asyncio.create_task(store.add([{**ROW, "instance_id": "given up"}]))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(store.add([{**ROW, "instance_id": "next"}]), timeout=10)

    asyncio.run(scenario())
    assert store.overhead({})[0]["num_instances"] == 2


def test_close_commits_what_waits(path):
    store = Store(path)

    async def scenario():
        waiting = asyncio.create_task(store.add([ROW]))
        await asyncio.sleep(0)
        store.close()
        await waiting

    asyncio.run(scenario())
    reopened = Store(path)
    assert reopened.overhead({})[0]["num_instances"] == 1
    reopened.close()


def test_a_store_that_fails_is_unavailable_and_says_so(store, path):
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE instances")
    other.close()
    with pytest.raises(ServiceUnavailable, match="report store"):
        add(store, {"instance_id": "a"})
    with pytest.raises(ServiceUnavailable, match="report store"):
        store.overhead({})
    with pytest.raises(ServiceUnavailable, match="report store"):
        asyncio.run(store.check())


def test_a_store_of_another_version_is_refused(path):
    Store(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(InvalidField, match="SEMCOM_CHANNEL_STORE"):
        Store(path)


def test_what_is_no_database_is_refused(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("this is no database, and long enough to be seen as none\n" * 100)
    for place in (text, tmp_path, text / "below a file.sqlite3"):
        with pytest.raises(InvalidField, match="SEMCOM_CHANNEL_STORE"):
            Store(str(place))
