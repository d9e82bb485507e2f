"""The store: one row an instance, in SQLite, and the reports made of them.

A row is committed before its RPC is answered, so a killed service loses nothing that was acknowledged. One
thread writes; what waits together is committed together, so the event loop never waits for the disk.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    URL,
    Column,
    Connection,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Update,
    bindparam,
    create_engine,
    event,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from shared.errors import InvalidField, ServiceUnavailable
from shared.ledger import HOPS

_LOG = logging.getLogger(__name__)
# Goes up with every change of the table.
_SCHEMA_VERSION = 1
_BUSY_TIMEOUT_MS = 5000
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
    *(
        Column(name, Float, nullable=False)
        for name in ("requested_snr_db", "realised_snr_db", "noise_variance")
    ),
    *(Column(name, Float) for name in ("post_equalisation_snr_db", "k_factor_db")),
    # Text: they are uint64, and SQLite's whole numbers are signed.
    *(Column(name, String(20), nullable=False) for name in ("seed", "frame_number")),
    *(Column(name, Integer, nullable=False) for name in OVERHEAD_FIELDS[:6]),
    *(Column(name, Float, nullable=False) for name in OVERHEAD_FIELDS[6:]),
    *(Column(f"{hop}_ms", Float) for hop in HOPS),
)


def _completion() -> Update:
    """UPDATE with parameters new_instance_id, new_encode_ms, new_uplink_ms, new_total_ms."""
    encode, uplink, total = (bindparam(f"new_{hop}_ms", type_=Float) for hop in ("encode", "uplink", "total"))
    columns = INSTANCES.c
    remainder = total - encode - uplink - columns.downlink_ms - columns.decode_ms
    # max(a, b) of SQLite is NULL where b is: a failed instance has no downlink, and keeps what was measured.
    channel = func.coalesce(func.max(columns.channel_ms, remainder), columns.channel_ms)
    return (
        update(INSTANCES)
        .where(columns.instance_id == bindparam("new_instance_id"))
        .values(encode_ms=encode, uplink_ms=uplink, total_ms=total, channel_ms=channel)
    )


_COMPLETE = _completion()


class Store:
    """Instances on disk.

    Args:
        path: SQLite file; made, with its folder, where it is missing.

    Raises:
        InvalidField: If it cannot be opened, or is no store of this version.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._engine = create_engine(URL.create("sqlite", database=path))
        event.listen(self._engine, "connect", _set_pragmas)
        event.listen(self._engine, "begin", _begin)
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            _open_schema(self._engine, path)
        except (SQLAlchemyError, OSError) as error:
            reason = getattr(error, "orig", None) or error
            raise InvalidField("SEMCOM_CHANNEL_STORE", path, f"a file SQLite can write ({reason})") from error
        self._jobs: queue.SimpleQueue[tuple[Any, list[dict[str, Any]], Future[int]] | None] = (
            queue.SimpleQueue()
        )
        self._is_closed = False
        self._writer = threading.Thread(target=self._write, name="report-store", daemon=True)
        self._writer.start()

    async def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store instances; returns when they are committed.

        Args:
            rows: Columns of INSTANCES by name, `created` left out.

        Raises:
            InvalidField: If an instance_id is stored already; then none of these rows is stored.
            ServiceUnavailable: If the file cannot be written.
        """
        now = datetime.now(UTC).replace(tzinfo=None)
        try:
            await self._submit(insert(INSTANCES), [{"created": now, **row} for row in rows])
        except IntegrityError as error:
            ids = ", ".join(str(row["instance_id"]) for row in rows[:3])
            raise InvalidField("instance_id", ids, "one that no stored instance bears") from error

    async def complete(self, timings: Sequence[Mapping[str, Any]]) -> int:
        """Add encode, uplink and total times to stored instances; returns how many were there.

        From then on an instance's channel time is what the other hops leave of the total: the commit of its
        row and the writing of its answer come after the row, and the hops shall add up.

        Args:
            timings: instance_id, encode_ms, uplink_ms and total_ms each.

        Raises:
            ServiceUnavailable: If the file cannot be written.
        """
        parameters = [{f"new_{name}": value for name, value in row.items()} for row in timings]
        return max(0, await self._submit(_COMPLETE, parameters))

    async def check(self) -> None:
        """Make sure that the store can be read.

        Raises:
            ServiceUnavailable: If not.
        """
        await asyncio.to_thread(self._read, select(INSTANCES.c.instance_id).limit(1))

    def close(self) -> None:
        """Finish what waits and close the file; rows that come later are refused."""
        self._is_closed = True
        self._jobs.put(None)
        self._writer.join()
        self._engine.dispose()

    def overhead(self, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """Mean cost of an instance by task and system, failed ones among them: they were sent too.

        Raises:
            ServiceUnavailable: If the file cannot be read.
        """
        means = [func.avg(INSTANCES.c[name]).label(name) for name in OVERHEAD_FIELDS]
        failed = func.count().filter(INSTANCES.c.status != "OK").label("num_failed")
        keys = (INSTANCES.c.task, INSTANCES.c.system)
        statement = select(*keys, func.count().label("num_instances"), failed, *means)
        statement = statement.where(*_conditions(filters)).group_by(*keys).order_by(*keys)
        return [dict(row._mapping) for row in self._read(statement)]

    def latency(self, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """Mean and percentiles of every hop by task and system, over the answered instances.

        Percentiles are those of the sample, linear between neighbours (NumPy's default).

        Raises:
            ServiceUnavailable: If the file cannot be read.
        """
        hops = [INSTANCES.c[f"{hop}_ms"] for hop in HOPS]
        statement = select(INSTANCES.c.task, INSTANCES.c.system, *hops)
        statement = statement.where(INSTANCES.c.status == "OK", *_conditions(filters))
        groups: dict[tuple[str, str], list[tuple[float | None, ...]]] = {}
        for task, system, *times in self._read(statement):
            groups.setdefault((task, system), []).append(tuple(times))
        return [
            {"task": task, "system": system, "hop": hop, **_summary(column)}
            for (task, system), rows in sorted(groups.items())
            for hop, column in zip(HOPS, zip(*rows, strict=True), strict=True)
        ]

    async def _submit(self, statement: Any, rows: list[dict[str, Any]]) -> int:
        if not rows:
            return 0
        if self._is_closed:
            raise ServiceUnavailable("report store", self._path)
        done: Future[int] = Future()
        # From here on it cannot be cancelled: the row is written even if its caller has gone.
        done.set_running_or_notify_cancel()
        self._jobs.put((statement, rows, done))
        try:
            return await asyncio.wrap_future(done)
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise self._unavailable() from error

    def _read(self, statement: Select[Any]) -> Sequence[Any]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(statement).all()
        except SQLAlchemyError as error:
            raise self._unavailable() from error

    def _unavailable(self) -> ServiceUnavailable:
        _LOG.exception("report store failed")
        return ServiceUnavailable("report store", self._path)

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
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _open_schema(engine: Engine, path: str) -> None:
    """Make the table, or check that the file's is the one this code writes."""
    with engine.begin() as connection:
        is_new = not inspect(connection).has_table(INSTANCES.name)
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if not is_new and version != _SCHEMA_VERSION:
            raise InvalidField(
                "SEMCOM_CHANNEL_STORE", path, f"a new file, or a store of version {_SCHEMA_VERSION}"
            )
        _METADATA.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {_SCHEMA_VERSION}")


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
