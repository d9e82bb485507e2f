"""What a training run shows: a bar a task on a terminal, a line every hundred steps in a log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

_LOG_EVERY_STEPS = 100
_SHOW_EVERY_STEPS = 10


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
        console: Where to; bars appear only on a terminal.
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
        self._watched = watched
        self._console, self._planned, self._done = console, planned, dict(done)
        self._first, self._started = sum(done.values()), time.monotonic()
        self._averages = {task: Average() for task in planned}
        columns = (
            TextColumn("{task.description:22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[average]}  (loss/{task.fields[watched]})"),
        )
        self._bars = Progress(*columns, console=console, disable=not console.is_terminal)
        self._ids = {
            task: self._bars.add_task(
                task, total=steps, completed=self._done[task], average="", watched=watched[task]
            )
            for task, steps in planned.items()
        }

    def __enter__(self) -> TrainingProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def step(self, task: str, loss: Tensor, quality: Tensor) -> None:
        """Count one step of a task, its loss and its watched quality; they are read when they are shown."""
        self._done[task] += 1
        self._averages[task].add(loss, quality)
        if self._console.is_terminal:
            self._bars.update(self._ids[task], advance=1)
            if self._averages[task].steps % _SHOW_EVERY_STEPS == 0:  # to read it, the host waits for a GPU
                self._bars.update(self._ids[task], average=str(self._averages[task]))
        if sum(self._done.values()) % _LOG_EVERY_STEPS == 0:
            if not self._console.is_terminal:
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
