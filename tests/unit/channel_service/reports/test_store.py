"""The report store: no answered instance is lost, and none is counted twice."""

import asyncio
import sqlite3
import subprocess
import sys
import textwrap

import pytest
from sqlalchemy import event
from stored_rows import ROW, add, page

from channel_service.reports.instances import INSTANCES
from channel_service.reports.store import Store
from shared.errors import InvalidField, ServiceUnavailable


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


def test_completed_hops_add_up_to_the_total(store):
    add(store, {"instance_id": "a", "encode_ms": 10.0})
    completed = [
        {"instance_id": "a", "uplink_ms": 4.0, "total_ms": 25.0},
        {"instance_id": "never stored", "uplink_ms": 1.0, "total_ms": 2.0},
    ]
    assert asyncio.run(store.complete(completed)) == 1
    means = {row["hop"]: row["mean_ms"] for row in store.latency()}
    assert means == {"encode": 10, "uplink": 4, "channel": 6, "downlink": 2, "decode": 3, "total": 25}


def test_completing_a_failed_instance_keeps_its_measured_times(store):
    add(store, {"instance_id": "a", "status": "ServiceUnavailable", "downlink_ms": None, "decode_ms": None})
    times = {"uplink_ms": 1.0, "total_ms": 9.0}
    assert asyncio.run(store.complete([{"instance_id": "a", **times}])) == 1
    with store._engine.connect() as connection:
        assert connection.execute(INSTANCES.select()).one().channel_ms == 1.0


async def test_an_instance_is_stored_once_and_a_refused_one_harms_no_other_caller(store):
    outcomes = await asyncio.gather(
        store.add([{**ROW, "instance_id": "a"}]),
        store.add([{**ROW, "instance_id": "fresh"}, {**ROW, "instance_id": "a"}]),
        store.add([{**ROW, "instance_id": "b"}]),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), InvalidField, type(None)]
    assert store.overhead()[0]["num_instances"] == 2


async def test_rows_of_many_callers_at_once_are_each_stored_once(store):
    await asyncio.gather(*(store.add([{**ROW, "instance_id": str(i)}]) for i in range(500)))
    assert store.overhead()[0]["num_instances"] == 500


async def test_a_caller_that_cancels_neither_loses_its_row_nor_stops_the_writer(store):
    waiting = asyncio.create_task(store.add([{**ROW, "instance_id": "given up"}]))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait_for(store.add([{**ROW, "instance_id": "next"}]), timeout=10)
    assert store.overhead()[0]["num_instances"] == 2


async def test_close_commits_waiting_rows(path):
    store = Store(path)
    waiting = asyncio.create_task(store.add([ROW]))
    await asyncio.sleep(0)
    store.close()
    await waiting
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


@pytest.fixture
def limited_pages(store):
    """Sets the largest number of the file's pages, as a disk does that is full; None for no limit."""
    pages = {"max_page_count": 1 << 30}

    def limit(connection):
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages['max_page_count']}")

    event.listen(store._engine, "begin", limit)

    def set_limit(num_pages):
        pages["max_page_count"] = num_pages or 1 << 30

    return set_limit


def test_a_full_disk_is_named_and_answers_come_back_with_room(store, path, limited_pages):
    asyncio.run(store.check())
    limited_pages(1)  # SQLite takes the number of pages that there are

    async def add_many():
        adding = (store.add([{**ROW, "instance_id": f"{number}"}]) for number in range(200))
        return await asyncio.gather(*adding, return_exceptions=True)

    outcomes = {str(number): outcome for number, outcome in enumerate(asyncio.run(add_many()))}
    assert {row["instance_id"] for row in page(store)} == {
        name for name, outcome in outcomes.items() if outcome is None
    }
    refusals = {str(outcome) for outcome in outcomes.values() if outcome is not None}
    assert refusals == {f"report store at {path} cannot be written: database or disk is full"}

    async def fill():
        for number in range(200):
            await store.add([{**ROW, "instance_id": f"single {number}"}])

    for work in (fill, store.check, store.check):
        with pytest.raises(ServiceUnavailable, match="cannot be written: database or disk is full"):
            asyncio.run(work())
    stored = {row["instance_id"] for row in page(store)}
    limited_pages(None)
    asyncio.run(store.check())
    add(store, {"instance_id": "again"})
    assert {row["instance_id"] for row in page(store)} == {*stored, "again"}


def test_a_store_that_can_only_be_read_is_not_ready(store):
    event.listen(store._engine, "begin", lambda to: to.exec_driver_sql("PRAGMA query_only=1"))
    assert page(store) == []
    with pytest.raises(ServiceUnavailable, match="cannot be written: attempt to write a readonly database"):
        asyncio.run(store.check())


def test_a_store_that_another_process_holds_is_not_ready(store, path):
    event.listen(store._engine, "connect", lambda to, _: to.execute("PRAGMA busy_timeout=50"))
    store._engine.dispose()
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ServiceUnavailable, match="cannot be written: database is locked"):
            asyncio.run(store.check())
    other.close()
    asyncio.run(store.check())


def test_checking_leaves_nothing_behind(store):
    asyncio.run(store.check())
    assert page(store) == []


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
