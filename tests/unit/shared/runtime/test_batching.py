"""The bounded queue: what waits is done together, nothing waits for company, refusals and cancellations."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from shared.errors import InvalidField, TooMany
from shared.runtime.batching import BatchQueue, QueueMetrics, together_or_each


class Worker:
    """Doubles numbers while its gate is open, and keeps the batches it was given."""

    def __init__(self, **limits):
        self.batches, self.gate, self.registry = [], asyncio.Event(), CollectorRegistry()
        self.gate.set()
        limits = {"capacity": 100, "max_batch": 4, "workers": 1, **limits}
        self.queue = BatchQueue(
            self.work, name="numbers", metrics=QueueMetrics("test", self.registry), **limits
        )

    async def work(self, items):
        self.batches.append(items)
        await self.gate.wait()
        return [InvalidField("number", item, "0 or more") if item < 0 else 2 * item for item in items]

    async def submit_behind(self, *numbers, key=lambda number: "even"):
        """Tasks of numbers that wait while the worker is busy with a first one."""
        self.gate.clear()
        tasks = [asyncio.create_task(self.queue.submit("first", 0))]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert self.batches == [[0]]
        tasks += [asyncio.create_task(self.queue.submit(key(number), number)) for number in numbers]
        await asyncio.sleep(0)
        return tasks


async def test_a_lone_item_starts_at_once_and_alone():
    worker = Worker()
    assert [await worker.queue.submit("key", number) for number in (1, 2, 3)] == [2, 4, 6]
    assert worker.batches == [[1], [2], [3]]


async def test_what_waits_while_the_worker_is_busy_is_done_together_by_key_and_up_to_the_largest_batch():
    worker = Worker()
    tasks = await worker.submit_behind(*range(1, 9), key=lambda number: number % 2)
    worker.gate.set()
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 8, 10, 12, 14, 16]
    assert worker.batches == [[0], [1, 3, 5, 7], [2, 4, 6, 8]]
    metrics = generate_latest(worker.registry).decode()
    assert "test_batch_size_sum 9.0" in metrics
    assert "test_queue_seconds_count 9.0" in metrics
    assert "test_waiting 0.0" in metrics


async def test_a_batch_is_bounded_by_the_sizes_of_its_items_and_a_larger_item_goes_alone():
    worker = Worker()
    worker.gate.clear()
    sizes = (9, 2, 2, 1)
    tasks = [
        asyncio.create_task(worker.queue.submit("key", number, size=size))
        for number, size in enumerate(sizes)
    ]
    worker.gate.set()
    await asyncio.gather(*tasks)
    assert worker.batches == [[0], [1, 2], [3]]


async def test_an_error_of_an_item_is_its_own():
    worker = Worker()
    tasks = await worker.submit_behind(1, -1, 2)
    worker.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[2], InvalidField)
    assert [results[0], results[1], results[3]] == [0, 2, 4]


async def test_a_full_queue_refuses_at_once_and_takes_again_later():
    worker = Worker(capacity=2)
    tasks = await worker.submit_behind(1, 2)
    with pytest.raises(TooMany, match="numbers = '3' is not allowed; allowed: at most 2"):
        await worker.queue.submit("even", 3)
    worker.gate.set()
    await asyncio.gather(*tasks)
    assert await worker.queue.submit("even", 3) == 6


async def test_a_cancelled_item_leaves_the_queue_and_is_not_done():
    worker = Worker(capacity=2)
    first, gone, kept = await worker.submit_behind(1, 2)
    gone.cancel()
    await asyncio.wait([gone])
    third = asyncio.create_task(worker.queue.submit("even", 3))  # there is room again
    await asyncio.sleep(0)
    worker.gate.set()
    assert await asyncio.gather(first, kept, third) == [0, 4, 6]
    assert worker.batches == [[0], [2, 3]]


async def test_several_workers_do_several_batches_at_a_time():
    worker = Worker(workers=2)
    tasks = await worker.submit_behind(1, 2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert worker.batches == [[0], [1, 2]]
    worker.gate.set()
    await asyncio.gather(*tasks)
    await worker.queue.close()


def test_work_that_fails_together_is_done_each_for_itself():
    def reciprocals(numbers):
        return [1 / number for number in numbers]

    assert together_or_each(reciprocals, [1, 2]) == [1, 0.5]
    whole, failed, half = together_or_each(reciprocals, [1, 0, 2])
    assert (whole, half) == (1, 0.5)
    assert isinstance(failed, ZeroDivisionError)


@pytest.mark.parametrize("num_results", [0, 1, 3])
async def test_work_that_gives_too_few_or_too_many_results_is_everybodys_error(num_results):
    """Whoever got none would wait for ever."""
    worker = Worker()
    tasks = await worker.submit_behind(1, 2)
    whole = worker.queue._work

    async def wrong(items):
        return (await whole(items) * 2)[:num_results]

    worker.queue._work = wrong
    worker.gate.set()
    first, *others = await asyncio.gather(*tasks, return_exceptions=True)
    assert first == 0
    assert [str(other) for other in others] == [f"{num_results} results of 2 items"] * 2
    worker.queue._work = whole
    assert await worker.queue.submit("even", 3) == 6


def test_a_system_that_drops_an_instance_of_many_answers_each_for_itself():
    assert together_or_each(lambda numbers: numbers[:1], [1, 2, 3]) == [1, 2, 3]
    (error,) = together_or_each(lambda numbers: [], [1])
    assert str(error) == "0 results of 1 items"
