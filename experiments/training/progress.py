"""What a training run shows: a line every hundred steps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from torch import Tensor

_LOG_EVERY_STEPS = 100


@dataclass
class Average:
    """Mean loss and quality since they were last shown."""

    loss: float | Tensor = 0.0
    quality: float | Tensor = 0.0
    steps: int = 0

    def add(self, loss: Tensor, quality: Tensor) -> None:
        """Count one step."""
        self.loss, self.quality, self.steps = self.loss + loss, self.quality + quality, self.steps + 1

    def __str__(self) -> str:
        steps = max(1, self.steps)
        return f"{float(self.loss) / steps:.3f}/{float(self.quality) / steps:.3f}"


class TrainingProgress:
    """Shows the steps of every task; loss and quality are those of the noisy training batches.

    Args:
        console: Where to.
        planned: Steps of each task.
        done: Steps taken already.
        watched: Name of each task's quality.
    """

    def __init__(
        self,
        console: Console,
        planned: Mapping[str, int],
        done: Mapping[str, int],
        watched: Mapping[str, str],
    ) -> None:
        self._console, self._planned, self._done, self._watched = console, planned, dict(done), watched
        self._first, self._started = sum(done.values()), time.monotonic()
        self._averages = {task: Average() for task in planned}

    def step(self, task: str, loss: Tensor, quality: Tensor) -> None:
        """Count one step of a task, its loss and its watched quality; they are read when they are shown."""
        self._done[task] += 1
        self._averages[task].add(loss, quality)
        if sum(self._done.values()) % _LOG_EVERY_STEPS == 0:
            self._console.log(self._line())
            self._averages = {task: Average() for task in self._planned}

    def _line(self) -> str:
        step, total = sum(self._done.values()), sum(self._planned.values())
        left_s = (time.monotonic() - self._started) / (step - self._first) * (total - step)
        tasks = "  ".join(
            f"{task} {self._done[task]}/{steps} {self._averages[task]} (loss/{self._watched[task]})"
            for task, steps in self._planned.items()
        )
        return f"step {step}/{total}  {left_s / 60:.0f} min left  {tasks}"
