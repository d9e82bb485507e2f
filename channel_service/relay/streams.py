"""Many requests over one call: several are answered at the same time, and the answers keep their order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

MAX_CONCURRENT = 32


async def answer_in_order(
    requests: AsyncIterator[_Request], answer: Callable[[_Request], Awaitable[_Response]]
) -> AsyncIterator[_Response]:
    """Answer requests as they come in, up to MAX_CONCURRENT of them at a time.

    A request that fails ends the stream with its error. The answers to earlier requests are sent before that,
    and later requests are cancelled. If the caller does not read the answers, no more requests are read.

    Args:
        requests: The caller's requests.
        answer: Answers one request.

    Yields:
        The answers, in the order of the requests.
    """
    # Two more requests are outside the queue: the one being awaited and the one that waits to be put in.
    in_progress: asyncio.Queue[asyncio.Future[_Response] | None] = asyncio.Queue(MAX_CONCURRENT - 2)
    unanswered: set[asyncio.Future[_Response]] = set()

    async def read_requests() -> None:
        try:
            async for request in requests:
                task = asyncio.ensure_future(answer(request))
                unanswered.add(task)
                await in_progress.put(task)
        except Exception as error:  # reading failed: raised after the answers to earlier requests
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            await in_progress.put(failed)
        else:
            await in_progress.put(None)

    reading = asyncio.create_task(read_requests())
    try:
        while (task := await in_progress.get()) is not None:
            response = await task
            unanswered.discard(task)
            yield response
    finally:
        unfinished: list[asyncio.Future[Any]] = [reading, *unanswered]
        for future in unfinished:
            future.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
