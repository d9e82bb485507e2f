"""One small interface for every data set: a split of a task as columns of inputs and targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import SemcomError
from shared.tasks import Modality
from transmitter.systems.base import Source


class DatasetMissing(SemcomError):
    """A data set's files are not where they were looked for."""

    def __init__(self, dataset: str, missing: str, hint: str) -> None:
        super().__init__(f"data set {dataset!r}: {missing} not found; {hint}")
        self.dataset, self.missing = dataset, missing


@dataclass(frozen=True)
class Column:
    """The inputs of one modality, each stored once.

    Attributes:
        values: Distinct inputs: texts, or uint8 pictures [N, height, width, 3].
        rows: Each instance's place in `values`, int64 [num_instances].
    """

    values: Sequence[Any] | NDArray[np.uint8]
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """A split of one task.

    Attributes:
        dataset: Its name, e.g. "sst2".
        split: train, validation or test, as every figure states it.
        task: Name of the task.
        labels: Class names, in the order of the targets.
        columns: Inputs by modality.
        targets: Class numbers, int64 [num_instances].
    """

    dataset: str
    split: str
    task: str
    labels: tuple[str, ...]
    columns: Mapping[Modality, Column]
    targets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)

    def sources(self, indices: Sequence[int] | NDArray[np.int64]) -> list[Source]:
        """Instances as a client would send them."""
        return [
            {modality: column.values[column.rows[index]] for modality, column in self.columns.items()}
            for index in indices
        ]


def distinct(values: Sequence[str]) -> Column:
    """A column of texts, each kept once."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(values))}
    return Column(list(numbers), np.array([numbers[text] for text in values], dtype=np.int64))


def one_each(values: Sequence[Any] | NDArray[np.uint8]) -> Column:
    """A column in which every instance has an input of its own."""
    return Column(values, np.arange(len(values)))
