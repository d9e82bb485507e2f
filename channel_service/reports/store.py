"""The report store: one row for each instance in SQLite, and the reports made from the rows.

A row is committed before its RPC is answered, so a service that is killed loses no answered instance. One
thread writes all rows, so the event loop never waits for the disk. Rows that wait at the same time are
committed together. If the number of rows is limited, the oldest rows are deleted in the same transaction that
adds new ones.
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

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Float,
    Select,
    String,
    Update,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from channel_service.reports.instances import INSTANCES, open_schema
from channel_service.reports.queries import (
    DEFAULT_QUERY,
    InstanceQuery,
    ReportQuery,
    instance_statement,
    latency_rows,
    latency_statement,
    overhead_statement,
    paper_statement,
)
from shared.errors import InvalidField, ServiceUnavailable
from shared.identifiers import new_uuid

_LOG = logging.getLogger(__name__)
_BUSY_TIMEOUT_MS = 5000
# SQLite's rowid grows with every new row, so the smallest one is the oldest row.
_ROWID: ColumnElement[int] = literal_column("rowid")


def _completion() -> Update:
    """UPDATE with parameters new_instance_id, new_uplink_ms, new_total_ms."""
    uplink, total = (bindparam(f"new_{hop}_ms", type_=Float) for hop in ("uplink", "total"))
    columns = INSTANCES.c
    encode = func.coalesce(columns.encode_ms, 0.0)
    remainder = total - encode - uplink - columns.downlink_ms - columns.decode_ms
    # SQLite's max(a, b) is NULL if b is NULL: a failed instance has no downlink and keeps its measured time.
    channel = func.coalesce(func.max(columns.channel_ms, remainder), columns.channel_ms)
    return (
        update(INSTANCES)
        .where(columns.instance_id == bindparam("new_instance_id"))
        .values(uplink_ms=uplink, total_ms=total, channel_ms=channel)
    )


_INSERT, _COMPLETE = insert(INSTANCES), _completion()
# As _INSERT, in place of the rows of the same instances.
_REPLACE = insert(INSTANCES)
_DELETE_SAME = delete(INSTANCES).where(INSTANCES.c.instance_id == bindparam("old_instance_id"))
# As _INSERT, but the rows are deleted again before the commit.
_TRY = insert(INSTANCES)
# A job is a statement, its rows and the future of its caller. An outcome is that future with its result.
_Job = tuple[Any, list[dict[str, Any]], Future[int]]
_Outcome = tuple[Future[int], int | Exception]


class Store:
    """The report store on disk.

    Args:
        path: SQLite file; it is created, with its folder, if it does not exist.
        max_rows: Largest number of instances; the oldest are deleted first. 0 means no limit.

    Raises:
        InvalidField: If the file cannot be opened or is not a report store of a known version.
    """

    def __init__(self, path: str, max_rows: int = 0) -> None:
        self._path, self._max_rows = path, max_rows
        self._engine = create_engine(URL.create("sqlite", database=path))
        event.listen(self._engine, "connect", _set_pragmas)
        event.listen(self._engine, "begin", _begin)
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            open_schema(self._engine, path)
        except (SQLAlchemyError, OSError) as error:
            reason = getattr(error, "orig", None) or error
            raise InvalidField("SEMCOM_CHANNEL_STORE", path, f"a file SQLite can write ({reason})") from error
        self._num_rows = self._read(select(func.count()).select_from(INSTANCES))[0][0] if max_rows else 0
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._is_closed = False
        self._writer = threading.Thread(target=self._write, name="report-store", daemon=True)
        self._writer.start()

    async def add(self, rows: Sequence[Mapping[str, Any]], *, replaces: bool = False) -> None:
        """Store instances; returns after they are committed.

        Args:
            rows: Columns of INSTANCES by name, without `created`.
            replaces: Rows of the same instances are replaced, so that an instance that is sent again counts
                once.

        Raises:
            InvalidField: If an instance_id is already stored; then none of these rows is stored.
            ServiceUnavailable: If the file cannot be written.
        """
        now = datetime.now(UTC).replace(tzinfo=None)
        try:
            statement = _REPLACE if replaces else _INSERT
            await self._submit(statement, [{"created": now, **row} for row in rows])
        except IntegrityError as error:
            ids = ", ".join(str(row["instance_id"]) for row in rows[:3])
            raise InvalidField("instance_id", ids, "one that no stored instance has") from error

    async def complete(self, timings: Sequence[Mapping[str, Any]]) -> int:
        """Add uplink and total times to stored instances.

        This also sets the channel time to the total time without the other hops, so that the hops add up to
        the total. It then includes the commit of the row and the writing of the answer, which happen after
        the row was made.

        Args:
            timings: For each instance: instance_id, uplink_ms and total_ms.

        Returns:
            Number of the instances that were found.

        Raises:
            ServiceUnavailable: If the file cannot be written.
        """
        parameters = [{f"new_{name}": value for name, value in row.items()} for row in timings]
        return max(0, await self._submit(_COMPLETE, parameters))

    async def check(self) -> None:
        """Check that one more instance can be stored.

        Raises:
            ServiceUnavailable: If the file cannot be written.
        """
        await self._submit(_TRY, [_any_row()])

    def close(self) -> None:
        """Commit the waiting rows and close the file; later rows are refused."""
        self._is_closed = True
        self._jobs.put(None)
        self._writer.join()
        self._engine.dispose()

    def overhead(self, query: ReportQuery = DEFAULT_QUERY) -> list[dict[str, Any]]:
        """Mean cost of an instance for each group.

        Raises:
            ServiceUnavailable: If the file cannot be read.
        """
        return _as_dicts(self._read(overhead_statement(query)))

    def paper(self, query: ReportQuery = DEFAULT_QUERY) -> list[dict[str, Any]]:
        """The paper's overhead table: kilobytes of an instance for each group, with each real as float32.

        Raises:
            ServiceUnavailable: If the file cannot be read.
        """
        return _as_dicts(self._read(paper_statement(query)))

    def latency(self, query: ReportQuery = DEFAULT_QUERY) -> list[dict[str, Any]]:
        """Mean and percentiles of every hop for each group, over the instances that were answered.

        Raises:
            ServiceUnavailable: If the file cannot be read.
        """
        return latency_rows(query, self._read(latency_statement(query)))

    def instances(self, query: InstanceQuery) -> list[dict[str, Any]]:
        """Single instances with every column of the table, latest first.

        Raises:
            ServiceUnavailable: If the file cannot be read.
        """
        return _as_dicts(self._read(instance_statement(query)))

    async def _submit(self, statement: Any, rows: list[dict[str, Any]]) -> int:
        if not rows:
            return 0
        if self._is_closed:
            raise ServiceUnavailable("report store", self._path, "is closed")
        done: Future[int] = Future()
        # From here on the job cannot be cancelled: its rows are written even if the caller has cancelled.
        done.set_running_or_notify_cancel()
        self._jobs.put((statement, rows, done))
        try:
            return await asyncio.wrap_future(done)
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise self._unavailable(error, "be written") from error

    def _read(self, statement: Select[Any]) -> Sequence[Any]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(statement).all()
        except SQLAlchemyError as error:
            raise self._unavailable(error, "be read") from error

    def _unavailable(self, error: SQLAlchemyError, use: str) -> ServiceUnavailable:
        _LOG.exception("report store failed")
        reason = getattr(error, "orig", None) or error
        return ServiceUnavailable("report store", self._path, f"cannot {use}: {reason}")

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

    def _commit(self, jobs: list[_Job]) -> None:
        """Commit waiting jobs together. A job that fails is rolled back alone; its caller gets the error."""
        outcomes: list[_Outcome] = []
        try:
            with self._engine.begin() as connection:
                outcomes = [(done, _run(connection, statement, rows)) for statement, rows, done in jobs]
                num_rows = self._trim(connection, jobs, outcomes)
            self._num_rows = num_rows
        except Exception as error:  # the commit failed, so every job failed; a future can hold any error
            outcomes = [(done, error) for *_, done in jobs]
        for done, outcome in outcomes:
            if isinstance(outcome, Exception):
                done.set_exception(outcome)
            else:
                done.set_result(outcome)

    def _trim(self, connection: Connection, jobs: list[_Job], outcomes: list[_Outcome]) -> int:
        """Delete the oldest rows above the limit; returns the number of rows, or 0 if there is no limit."""
        if not self._max_rows:
            return 0
        added = (
            outcome
            for (statement, *_), (_, outcome) in zip(jobs, outcomes, strict=True)
            if statement in (_INSERT, _REPLACE) and not isinstance(outcome, Exception)
        )
        num_rows: int = self._num_rows + sum(added)
        if num_rows <= self._max_rows:
            return num_rows
        oldest_kept = select(_ROWID).select_from(INSTANCES).order_by(_ROWID).limit(1)
        oldest_kept = oldest_kept.offset(num_rows - self._max_rows)
        connection.execute(delete(INSTANCES).where(oldest_kept.scalar_subquery() > _ROWID))
        return self._max_rows


def _run(connection: Connection, statement: Any, rows: list[dict[str, Any]]) -> int | Exception:
    savepoint = connection.begin_nested()
    try:
        num_removed = _delete_same(connection, rows) if statement is _REPLACE else 0
        num_added = int(connection.execute(statement, rows).rowcount)
        num_removed += _delete_same(connection, rows) if statement is _TRY else 0
    except Exception as error:  # the waiting caller gets the error
        if not _has_transaction(connection):
            raise  # SQLite has rolled back all of the jobs, as it does where the disk is full
        savepoint.rollback()
        return error
    savepoint.commit()
    return num_added - num_removed


def _has_transaction(connection: Connection) -> bool:
    driver: Any = connection.connection.dbapi_connection
    return bool(driver.in_transaction)


def _delete_same(connection: Connection, rows: list[dict[str, Any]]) -> int:
    same = [{"old_instance_id": row["instance_id"]} for row in rows]
    return int(connection.execute(_DELETE_SAME, same).rowcount)


def _any_row() -> dict[str, Any]:
    """A row of its own, at least as large as those of instances."""
    values: dict[type, Any] = {int: 1 << 40, float: 1 / 3, bool: True, datetime: datetime.now(UTC)}
    types = {column.name: column.type for column in INSTANCES.columns}
    row = {
        name: "x" * (kind.length or 0) if isinstance(kind, String) else values[kind.python_type]
        for name, kind in types.items()
    }
    return {**row, "instance_id": str(new_uuid())}


def _begin(connection: Connection) -> None:
    """Begin a transaction, so that jobs commit together: the driver begins none before a SAVEPOINT."""
    connection.exec_driver_sql("BEGIN")


def _set_pragmas(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _as_dicts(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in rows]
