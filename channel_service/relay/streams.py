"""Many requests over one call: as many at work at a time as there is room for, answered in their order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")

MAX_AT_WORK = 32


async def answer_in_order(
    requests: AsyncIterator[_Request], answer: Callable[[_Request], Awaitable[_Response]]
) -> AsyncIterator[_Response]:
    """Answer requests as they come in, up to MAX_AT_WORK of them at a time.

    A request that is refused ends the stream with its error, after the answers to those before it; what came
    after it is cancelled. A caller who does not read his answers is not read from either.

    Args:
        requests: From the caller.
        answer: Answers one of them.
    """
    # One more is being answered, and one waits for room.
    at_work: asyncio.Queue[asyncio.Future[_Response] | None] = asyncio.Queue(MAX_AT_WORK - 2)
    unanswered: set[asyncio.Future[_Response]] = set()

    async def take_in() -> None:
        try:
            async for request in requests:
                task = asyncio.ensure_future(answer(request))
                unanswered.add(task)
                await at_work.put(task)
        except Exception as error:  # the caller's side broke: told after the answers to what came before
            broken = asyncio.get_running_loop().create_future()
            broken.set_exception(error)
            await at_work.put(broken)
        else:
            await at_work.put(None)

    taking_in = asyncio.create_task(take_in())
    try:
        while (task := await at_work.get()) is not None:
            response = await task
            unanswered.discard(task)
            yield response
    finally:
        left: list[asyncio.Future[Any]] = [taking_in, *unanswered]
        for unfinished in left:
            unfinished.cancel()
        await asyncio.gather(*left, return_exceptions=True)
