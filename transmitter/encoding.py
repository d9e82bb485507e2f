"""Encodes what waits for the same system, task and options together, in a few threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from shared.runtime.batching import BatchQueue, QueueMetrics, together_or_each
from shared.runtime.cores import Cores
from systems.base import EncodedInstance, TransmitterSystem
from transmitter.instances import Instance


class _Work(NamedTuple):
    system: TransmitterSystem
    instance: Instance


class EncodingQueue:
    """A bounded queue before the encoders of all systems.

    Args:
        max_batch: Instances that are encoded together.
        max_waiting: Instances that may wait; further ones are refused.
        num_encoders: Batches at a time; of a system that is not thread-safe, one at a time.
        cores: What batches at work share.
        metrics: Told of every batch.
    """

    def __init__(
        self, *, max_batch: int, max_waiting: int, num_encoders: int, cores: Cores, metrics: QueueMetrics
    ) -> None:
        self._cores = cores
        # Threads leave the loop free for other requests; the networks leave the interpreter's lock to others.
        self._executor = ThreadPoolExecutor(num_encoders, thread_name_prefix="encode")
        self._locks: dict[str, threading.Lock] = {}
        self._queue: BatchQueue[_Work, EncodedInstance] = BatchQueue(
            self._encode_in_thread,
            name="instances to encode",
            capacity=max_waiting,
            max_batch=max_batch,
            workers=num_encoders,
            metrics=metrics,
        )

    async def encode(self, system: TransmitterSystem, instance: Instance) -> EncodedInstance:
        """Turn an instance's source into symbols. Cancelled while it waits, it is not encoded.

        Raises:
            TooLarge: If a text that shall come back is longer than the system can send.
            TooMany: If too many instances wait.
        """
        key = (instance.system, instance.task, tuple(sorted(instance.options.items())))
        return await self._queue.submit(key, _Work(system, instance))

    async def close(self) -> None:
        """Let the batch at work end."""
        await self._queue.close()
        self._executor.shutdown()

    async def _encode_in_thread(self, batch: list[_Work]) -> list[EncodedInstance | Exception]:
        loop = asyncio.get_running_loop()
        lock = self._locks.setdefault(batch[0].system.name, threading.Lock())
        return await loop.run_in_executor(self._executor, _encode, batch, lock, self._cores)


def _encode(batch: list[_Work], lock: threading.Lock, cores: Cores) -> list[EncodedInstance | Exception]:
    """Runs in a thread; the lock is the system's."""
    with contextlib.nullcontext() if batch[0].system.is_thread_safe else lock, cores.share():
        return together_or_each(_encode_together, batch)


def _encode_together(batch: Sequence[_Work]) -> list[EncodedInstance]:
    system, first = batch[0]
    return system.encode(first.task, [work.instance.source for work in batch], first.options)
