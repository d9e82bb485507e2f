"""What a training run shows: a line every hundred steps."""

from __future__ import annotations

import time

import torch
from rich.console import Console
from torch import Tensor

from experiments.training.objectives import OBJECTIVES
from experiments.training.run import Run
from shared.tasks import get_task

_LOG_EVERY_STEPS = 100


class TrainingProgress:
    """Shows the steps of every task, and the mean loss and quality of the noisy batches since the last line.

    Args:
        run: Under way; its steps are counted by whoever takes them.
        console: Where to.
    """

    def __init__(self, run: Run, console: Console) -> None:
        self._run, self._console = run, console
        self._first, self._started = run.num_done, time.monotonic()
        self._watched: dict[str, list[tuple[Tensor, Tensor]]] = {task: [] for task in run.recipe.tasks}

    def note(self, task: str, loss: Tensor, quality: Tensor) -> None:
        """Take in the last step's loss and watched quality; they are read when they are shown."""
        self._watched[task].append((loss, quality))
        if self._run.num_done % _LOG_EVERY_STEPS == 0:
            self._console.log(self._line())
            self._watched = {task: [] for task in self._watched}

    def _line(self) -> str:
        step, total = self._run.num_done, self._run.recipe.total_steps
        left_s = (time.monotonic() - self._started) / (step - self._first) * (total - step)
        tasks = "  ".join(map(self._state_of, self._watched))
        return f"step {step}/{total}  {left_s / 60:.0f} min left  {tasks}"

    def _state_of(self, task: str) -> str:
        means = "/".join(f"{torch.stack(own).mean():.3f}" for own in zip(*self._watched[task], strict=True))
        watched = OBJECTIVES[get_task(task).answer].watched
        planned = self._run.recipe.tasks[task].steps
        return f"{task} {self._run.done[task]}/{planned} {means or '-'} (loss/{watched})"
