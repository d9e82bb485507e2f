"""The figures of `semcom train --profile-steps`, against what is known of the steps."""

from __future__ import annotations

import time

import pytest
from small_runs import small_recipe, start_small

from experiments.training import timing
from experiments.training.run import Run
from experiments.training.timing import time_steps


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
