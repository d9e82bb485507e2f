"""Task metrics over a whole split, by the name the task table gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from receiver.systems.base import TaskAnswer


def accuracy(answers: Sequence[TaskAnswer], truths: Sequence[str]) -> float:
    """Share of answers whose label is the truth."""
    return sum(answer.labels[0] == truth for answer, truth in zip(answers, truths, strict=True)) / len(truths)


METRICS: Mapping[str, Callable[[Sequence[TaskAnswer], Sequence[str]], float]] = {"accuracy": accuracy}
