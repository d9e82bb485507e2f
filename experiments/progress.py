"""What a training run shows: a bar a task on a terminal, a line every hundred steps in a log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LOG_EVERY_STEPS = 100


@dataclass
class Average:
    """Mean loss and accuracy since it was last shown."""

    loss: float = 0.0
    right: float = 0.0
    steps: int = 0

    def add(self, loss: float, right: float) -> None:
        """Count one step."""
        self.loss, self.right, self.steps = self.loss + loss, self.right + right, self.steps + 1

    def __str__(self) -> str:
        steps = max(1, self.steps)
        return f"{self.loss / steps:.3f}/{self.right / steps:.3f}"


class TrainingProgress:
    """Shows the steps of every task; loss and accuracy are those of the noisy training batches.

    Args:
        console: Where to; bars appear only on a terminal.
        planned: Steps of each task.
        done: Steps taken already.
    """

    def __init__(self, console: Console, planned: Mapping[str, int], done: Mapping[str, int]) -> None:
        self._console, self._planned, self._done = console, planned, dict(done)
        self._first, self._started = sum(done.values()), time.monotonic()
        self._averages = {task: Average() for task in planned}
        columns = (
            TextColumn("{task.description:22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("loss/accuracy {task.fields[average]}"),
        )
        self._bars = Progress(*columns, console=console, disable=not console.is_terminal)
        self._ids = {
            task: self._bars.add_task(task, total=steps, completed=self._done[task], average="")
            for task, steps in planned.items()
        }

    def __enter__(self) -> TrainingProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def step(self, task: str, loss: float, right: float) -> None:
        """Count one step of a task, its loss and the share of its batch answered rightly."""
        self._done[task] += 1
        self._averages[task].add(loss, right)
        self._bars.update(self._ids[task], advance=1, average=str(self._averages[task]))
        if sum(self._done.values()) % _LOG_EVERY_STEPS == 0:
            if not self._console.is_terminal:
                self._console.log(self._line())
            self._averages = {task: Average() for task in self._planned}

    def _line(self) -> str:
        step, total = sum(self._done.values()), sum(self._planned.values())
        left_s = (time.monotonic() - self._started) / (step - self._first) * (total - step)
        tasks = "  ".join(f"{t} {self._done[t]}/{n} {self._averages[t]}" for t, n in self._planned.items())
        return f"step {step}/{total}  {left_s / 60:.0f} min left  (loss/accuracy) {tasks}"
