"""The figures of `semcom train --profile-steps`, against what is known of the steps."""

from __future__ import annotations

import time

import pytest
from small_runs import TASKS, small_recipe, start_small

from experiments.training import timing
from experiments.training.run import Run
from experiments.training.timing import time_steps


@pytest.mark.usefixtures("small_data")
def test_every_task_is_timed_and_the_whole_recipe_estimated() -> None:
    run = start_small(small_recipe(steps=1000))
    timings = time_steps(run, 2)
    assert [own.task for own in timings] == list(TASKS)
    assert run.done == dict.fromkeys(TASKS, 5)  # three to warm up
    for own in timings:
        assert own.batch_ms > 0
        assert own.step_ms > 0
        assert own.busy_share > 0
        assert own.planned_hours == pytest.approx((own.batch_ms + own.step_ms) / 3.6e6 * 1000)


@pytest.mark.usefixtures("small_data")
def test_the_steps_that_warm_up_are_not_counted_and_waiting_is_not_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = iter([1.0, 0.0, 0.0, 0.1, 0.1])

    def wait(run: Run, task: str, *_: object) -> None:
        time.sleep(next(waits))

    monkeypatch.setattr(timing, "train_step", wait)
    run = start_small(small_recipe())
    run.recipe = type(run.recipe)({"vqa": run.recipe.tasks["vqa"]})
    (own,) = time_steps(run, 2)
    assert 100 <= own.step_ms < 400
    assert own.busy_share < 0.5
