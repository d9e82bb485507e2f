"""A bounded queue whose workers take what waits: requests that wait for the same work are done together.

submit ──▶ waiting (bounded) ──▶ a free worker takes the oldest and all that share its key ──▶ work(batch)

No timer delays a request: where a worker is free, a request starts at once, alone. While every worker is
busy, requests wait, and what has gathered by then is the next batch.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, Gauge, Histogram

from shared.errors import TooMany

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class QueueMetrics:
    """What /metrics shows of one queue.

    Args:
        prefix: Beginning of the metrics' names, e.g. "semcom_transmitter_encode".
        registry: Where they go.
    """

    def __init__(self, prefix: str, registry: CollectorRegistry) -> None:
        self.batch_size = Histogram(
            f"{prefix}_batch_size", "Instances that were done together.", buckets=_SIZES, registry=registry
        )
        self.queue_seconds = Histogram(
            f"{prefix}_queue_seconds", "Time from arrival to start.", buckets=_SECONDS, registry=registry
        )
        self.waiting = Gauge(f"{prefix}_waiting", "Requests that wait now.", registry=registry)


@dataclass(eq=False)
class _Waiting(Generic[_Item, _Result]):
    key: Hashable
    item: _Item
    size: int
    future: asyncio.Future[_Result]
    since: float
    context: contextvars.Context


class BatchQueue(Generic[_Item, _Result]):
    """Gathers items while its workers are busy and hands them over in batches of one key.

    Args:
        work: Does a batch; one result an item, in order. A result that is an exception is that item's own.
            What it raises is raised to every item.
        name: What waits, in words, for the message of a refusal, e.g. "instances to encode".
        capacity: Items that may wait, at least 1.
        max_batch: Largest sum of the sizes of a batch; an item that is larger is done alone.
        workers: Batches at work at a time.
        metrics: Told of every batch.
        drops_abandoned: Work whose callers are all gone is cancelled. Leave it False where cancelling does
            not stop the work, as in a thread: the worker is then busy until it ends.
    """

    def __init__(
        self,
        work: Callable[[list[_Item]], Coroutine[Any, Any, Sequence[_Result | Exception]]],
        *,
        name: str,
        capacity: int,
        max_batch: int,
        workers: int,
        metrics: QueueMetrics,
        drops_abandoned: bool = False,
    ) -> None:
        self._work, self._name, self._metrics = work, name, metrics
        self._drops_abandoned = drops_abandoned
        self._capacity, self._max_batch, self._workers = capacity, max_batch, workers
        self._waiting: list[_Waiting[_Item, _Result]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_work = 0

    async def submit(self, key: Hashable, item: _Item, *, size: int = 1) -> _Result:
        """Wait for an item's result. A caller that is cancelled takes its item out of the queue.

        Args:
            key: Items of one key may share a batch.
            item: To be done.
            size: Instances in the item.

        Raises:
            TooMany: At once, if the queue is full.
            Exception: What `work` made of the item.
        """
        if len(self._waiting) >= self._capacity:
            raise TooMany(
                self._name, len(self._waiting) + 1, f"at most {self._capacity} that wait; try later"
            )
        future = asyncio.get_running_loop().create_future()
        context = contextvars.copy_context()
        entry = _Waiting(key, item, size, future, time.perf_counter(), context)
        self._waiting.append(entry)
        self._metrics.waiting.set(len(self._waiting))
        if self._at_work < self._workers:
            self._at_work += 1
            task = asyncio.create_task(self._take_and_work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            result: _Result = await future
            return result
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
                self._metrics.waiting.set(len(self._waiting))

    async def close(self) -> None:
        """Wait until nothing is at work."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _take_and_work(self) -> None:
        try:
            while batch := self._take():
                await self._do(batch)
        finally:
            # With no await since nothing waited: a request that comes later starts the next worker.
            self._at_work -= 1

    def _take(self) -> list[_Waiting[_Item, _Result]]:
        """The oldest item, and those of its key that fit beside it."""
        batch: list[_Waiting[_Item, _Result]] = []
        rest: list[_Waiting[_Item, _Result]] = []
        size = 0
        for entry in self._waiting:
            if not batch or (entry.key == batch[0].key and size + entry.size <= self._max_batch):
                batch.append(entry)
                size += entry.size
            else:
                rest.append(entry)
        self._waiting = rest
        self._metrics.waiting.set(len(rest))
        return batch

    async def _do(self, batch: list[_Waiting[_Item, _Result]]) -> None:
        now = time.perf_counter()
        self._metrics.batch_size.observe(sum(entry.size for entry in batch))
        for entry in batch:
            self._metrics.queue_seconds.observe(now - entry.since)
        work = self._work([entry.item for entry in batch])
        try:
            results: Sequence[_Result | Exception] = await (
                _cancelled_when_abandoned(work, batch) if self._drops_abandoned else work
            )
        except asyncio.CancelledError:
            if all(entry.future.done() for entry in batch):  # all callers are gone; the worker stays
                return
            for entry in batch:
                entry.future.cancel()
            raise
        except Exception as error:
            results = [error] * len(batch)
        if len(results) != len(batch):  # whose is whose is not known, and somebody would wait for ever
            results = [_wrong_number(results, batch)] * len(batch)
        for entry, result in zip(batch, results, strict=True):
            if entry.future.done():  # its caller is gone
                continue
            if isinstance(result, Exception):
                entry.future.set_exception(result)
            else:
                entry.future.set_result(result)


def _cancelled_when_abandoned(
    work: Coroutine[Any, Any, Any], batch: Sequence[_Waiting[Any, Any]]
) -> asyncio.Task[Any]:
    """The work, cancelled once all its callers are gone; in the context (such as the trace) of the first."""
    working = asyncio.get_running_loop().create_task(work, context=batch[0].context)

    def on_done(_: asyncio.Future[Any]) -> None:
        if not working.done() and all(entry.future.done() for entry in batch):
            working.cancel()

    for entry in batch:
        entry.future.add_done_callback(on_done)
    return working


def together_or_each(
    work: Callable[[list[_Item]], Sequence[_Result]], items: list[_Item]
) -> list[_Result | Exception]:
    """Do items together; where that fails, each for itself, so that an item's error is its own.

    Args:
        work: One result an item, in order.
        items: At least one.
    """
    try:
        results = list(work(items))
        if len(results) != len(items):
            raise _wrong_number(results, items)
        return [*results]
    except Exception as error:
        if len(items) == 1:
            return [error]
    return [result for item in items for result in together_or_each(work, [item])]


def _wrong_number(results: Sequence[Any], items: Sequence[Any]) -> ValueError:
    return ValueError(f"{len(results)} results of {len(items)} items")
