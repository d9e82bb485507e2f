"""Many requests over one stream: answers keep the order, and a caller that leaves leaves nothing at work."""

import asyncio

from channel_service.relay.streams import MAX_CONCURRENT, answer_in_order


async def numbers(count):
    for number in range(count):
        yield number


def test_answers_keep_the_order_where_a_later_request_is_ready_first():
    async def scenario():
        first_may_go = asyncio.Event()

        async def answer(number):
            if number == 9:
                first_may_go.set()
            elif number == 0:
                await first_may_go.wait()
            return number

        assert [number async for number in answer_in_order(numbers(200), answer)] == list(range(200))

    asyncio.run(scenario())


def test_a_caller_that_leaves_cancels_what_is_at_work_and_no_more_than_that_was_read():
    async def scenario():
        started, cancelled, all_started = [], [], asyncio.Event()

        async def never(number):
            started.append(number)
            if len(started) == MAX_CONCURRENT:
                all_started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)
                raise

        answers = answer_in_order(numbers(3 * MAX_CONCURRENT), never)
        reading = asyncio.ensure_future(anext(answers))
        await asyncio.wait_for(all_started.wait(), 10)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await answers.aclose()
        assert sorted(cancelled) == list(range(MAX_CONCURRENT)) == started

    asyncio.run(scenario())
