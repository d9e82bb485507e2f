"""The store: one row an instance, in SQLite, and the reports made of them.

A row is committed before its RPC is answered, so a killed service loses nothing that was acknowledged. One
thread writes; what waits together is committed together, so the event loop never waits for the disk.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from shared.errors import InvalidField
from shared.ledger import HOPS

_METADATA = MetaData()
OVERHEAD_FIELDS = (
    "source_bytes",
    "real_values",
    "channel_uses",
    "num_pilots",
    "payload_bytes",
    "message_bytes",
    "airtime_ms",
    "bandwidth_ratio",
)
FILTERS = ("task", "system", "link")

INSTANCES = Table(
    "instances",
    _METADATA,
    Column("instance_id", String(64), primary_key=True),
    Column("created", DateTime, nullable=False, index=True),
    Column("status", String(32), nullable=False),
    *(Column(name, String(64), nullable=False, index=True) for name in FILTERS),
    *(Column(name, String(16), nullable=False) for name in ("channel", "fading", "csi")),
    *(Column(name, Float, nullable=False) for name in ("requested_snr_db", "realised_snr_db", "k_factor_db")),
    *(
        Column(name, String(20), nullable=False) for name in ("seed", "frame_number")
    ),  # uint64, SQLite has none
    *(Column(name, Integer, nullable=False) for name in OVERHEAD_FIELDS[:6]),
    *(Column(name, Float, nullable=False) for name in OVERHEAD_FIELDS[6:]),
    *(Column(f"{hop}_ms", Float) for hop in HOPS),
)


class Store:
    """Instances on disk.

    Args:
        path: SQLite file; made where it is missing.
    """

    def __init__(self, path: str) -> None:
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})
        event.listen(self._engine, "connect", _set_pragmas)
        event.listen(self._engine, "begin", _begin)
        _METADATA.create_all(self._engine)
        self._jobs: queue.SimpleQueue[tuple[Any, list[dict[str, Any]], Future[int]] | None] = (
            queue.SimpleQueue()
        )
        self._writer = threading.Thread(target=self._write, name="report-store", daemon=True)
        self._writer.start()

    async def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store instances; returns when they are committed.

        Raises:
            InvalidField: If an instance_id is stored already; then none of these rows is stored.
        """
        now = datetime.now(UTC).replace(tzinfo=None)
        try:
            await self._submit(insert(INSTANCES), [{"created": now, **row} for row in rows])
        except IntegrityError as error:
            ids = ", ".join(str(row["instance_id"]) for row in rows[:3])
            raise InvalidField("instance_id", ids, "one that no stored instance bears") from error

    async def complete(self, timings: Sequence[Mapping[str, Any]]) -> int:
        """Add encode, uplink and total times to stored instances; returns how many were there."""
        statement = (
            update(INSTANCES)
            .where(INSTANCES.c.instance_id == bindparam("key"))
            .values({f"{hop}_ms": bindparam(f"new_{hop}_ms") for hop in ("encode", "uplink", "total")})
        )
        return await self._submit(statement, [dict(row) for row in timings])

    def close(self) -> None:
        """Finish what waits and close the file."""
        self._jobs.put(None)
        self._writer.join()
        self._engine.dispose()

    def overhead(self, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """Mean cost of an instance by task and system."""
        means = [func.avg(INSTANCES.c[name]).label(name) for name in OVERHEAD_FIELDS]
        failed = func.sum(INSTANCES.c.status != "OK").label("num_failed")
        keys = (INSTANCES.c.task, INSTANCES.c.system)
        statement = select(*keys, func.count().label("num_instances"), failed, *means)
        statement = statement.where(*_conditions(filters)).group_by(*keys).order_by(*keys)
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def latency(self, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """Mean and percentiles of every hop by task and system, over the answered instances."""
        hops = [INSTANCES.c[f"{hop}_ms"] for hop in HOPS]
        statement = select(INSTANCES.c.task, INSTANCES.c.system, *hops)
        statement = statement.where(INSTANCES.c.status == "OK", *_conditions(filters))
        groups: dict[tuple[str, str], list[tuple[float | None, ...]]] = {}
        with self._engine.connect() as connection:
            for task, system, *times in connection.execute(statement):
                groups.setdefault((task, system), []).append(tuple(times))
        return [
            {"task": task, "system": system, "hop": hop, **_summary(column)}
            for (task, system), rows in sorted(groups.items())
            for hop, column in zip(HOPS, zip(*rows, strict=True), strict=True)
        ]

    async def _submit(self, statement: Any, rows: list[dict[str, Any]]) -> int:
        if not rows:
            return 0
        done: Future[int] = Future()
        self._jobs.put((statement, rows, done))
        return await asyncio.wrap_future(done)

    def _write(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs = [job]
            stop = False
            while not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    stop = True
                    break
                jobs.append(following)
            self._commit(jobs)
            if stop:
                return

    def _commit(self, jobs: list[tuple[Any, list[dict[str, Any]], Future[int]]]) -> None:
        """Commit waiting jobs together; a job that fails is rolled back alone and told why."""
        outcomes: list[tuple[Future[int], int | Exception]] = []
        try:
            with self._engine.begin() as connection:
                outcomes = [(done, _run(connection, statement, rows)) for statement, rows, done in jobs]
        except Exception as error:  # the commit itself failed, so every job did; a future carries any error
            outcomes = [(done, error) for *_, done in jobs]
        for done, outcome in outcomes:
            if isinstance(outcome, Exception):
                done.set_exception(outcome)
            else:
                done.set_result(outcome)


def _run(connection: Connection, statement: Any, rows: list[dict[str, Any]]) -> int | Exception:
    try:
        with connection.begin_nested():
            return int(connection.execute(statement, rows).rowcount)
    except Exception as error:  # handed to the waiting caller as it is
        return error


def _begin(connection: Connection) -> None:
    """The driver opens no transaction before a SAVEPOINT by itself; without one each would commit alone."""
    connection.exec_driver_sql("BEGIN")


def _set_pragmas(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _conditions(filters: Mapping[str, str]) -> list[Any]:
    return [INSTANCES.c[name] == value for name, value in filters.items() if value]


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
