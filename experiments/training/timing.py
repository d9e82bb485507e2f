"""Where the time of a training goes: a few steps of each task, measured."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile

from experiments.training.run import Run
from experiments.training.train import make_batch, num_batches_ahead, train_step

_WARM_UP_STEPS = 3


@dataclass(frozen=True)
class StepTiming:
    """What one task's steps cost.

    Attributes:
        task: Name of the task.
        planned_steps: Of the recipe.
        batch_ms: To make one batch, on one thread.
        step_ms: Of one step, its batch being there, until the device has finished.
        busy_share: Share of `step_ms` in which the device computes. Of a GPU it is the time of all kernels,
            of a CPU the time of the process on all of torch's threads.
        planned_hours: Of all the task's steps. A CPU makes each batch before its step, a GPU's batches are
            made by other threads meanwhile.
    """

    task: str
    planned_steps: int
    batch_ms: float
    step_ms: float
    busy_share: float
    planned_hours: float


def time_steps(run: Run, num_steps: int) -> list[StepTiming]:
    """Take a few steps of each task of the recipe, after three that are not counted.

    Args:
        run: Trained by the steps; nothing is written.
        num_steps: Of each task that are measured.
    """
    return [_time_task(run, task, num_steps) for task in run.recipe.tasks]


def _time_task(run: Run, task: str, num_steps: int) -> StepTiming:
    _take_steps(run, task, _WARM_UP_STEPS)
    batch_s, step_s, cpu_s = _take_steps(run, task, num_steps)
    busy_s = cpu_s / torch.get_num_threads()
    if run.device.type == "cuda":
        with profile(activities=[ProfilerActivity.CUDA]) as profiler:
            _take_steps(run, task, num_steps)
        busy_s = sum(event.self_device_time_total for event in profiler.key_averages()) / 1e6  # from us
    num_threads, steps = num_batches_ahead(run), run.recipe.tasks[task].steps
    planned_s = max(step_s, batch_s / num_threads) if num_threads else step_s + batch_s
    return StepTiming(
        task=task,
        planned_steps=steps,
        batch_ms=1000 * batch_s / num_steps,
        step_ms=1000 * step_s / num_steps,
        busy_share=busy_s / step_s,
        planned_hours=planned_s / num_steps * steps / 3600,
    )


def _take_steps(run: Run, task: str, num_steps: int) -> tuple[float, float, float]:
    """Seconds that making the batches took, seconds of the steps, and the steps' process time [s]."""
    batch_s = step_s = cpu_s = 0.0
    for _ in range(num_steps):
        begun = time.perf_counter()
        batch, targets = make_batch(run, task, run.done[task])
        made, cpu_made = time.perf_counter(), time.process_time()
        train_step(run, task, batch, targets)
        if run.device.type == "cuda":
            torch.cuda.synchronize(run.device)
        batch_s += made - begun
        step_s += time.perf_counter() - made
        cpu_s += time.process_time() - cpu_made
    return batch_s, step_s, cpu_s
