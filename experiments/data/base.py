"""One small interface for every data set: a split of a task as columns of inputs and targets."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shared.errors import InvalidField, SemcomError
from shared.tasks import Modality
from transmitter.source import Source


class DatasetMissing(SemcomError):
    """A data set's files are not where they were looked for."""

    def __init__(self, dataset: str, missing: str, hint: str) -> None:
        super().__init__(f"data set {dataset!r}: {missing} not found; {hint}")
        self.dataset, self.missing = dataset, missing


class BrokenFile(SemcomError):
    """A file of a data set is there, but does not decode."""

    def __init__(self, dataset: str, file: str, reason: str) -> None:
        super().__init__(f"data set {dataset!r}: {file} is broken: {reason}")
        self.dataset, self.file = dataset, file


LabelCue = Literal["all", "motion", "appearance"]
"""The cue in a video clip from which a network is to learn its label.

motion: how the pixels change over time. It is the cue where all actions are filmed in front of the same few
backgrounds: a network that reads the background is right on training clips and wrong on others.
appearance: how single frames look (people, background), and how much changes from frame to frame. It is the
cue where a set has so few clips that a network learns the motion of each one by heart.
all: both.

Training with augmentation replaces the other cue of a clip (`experiments.training.inputs.ClipInputs`).
"""


@dataclass(frozen=True)
class Column:
    """The inputs of one modality, each stored once.

    Attributes:
        values: Distinct inputs, each as `transmitter.source.Source` states it. Pictures of one size are one
            array, uint8 [num_values, height, width, 3]; everything else is a sequence, which may decode or
            read from disk what it is asked for.
        rows: Each instance's place in `values`, int64 [num_instances].
        label_cue: See `LabelCue`; one for all values, or one for each of them. Only video clips have one
            that is not "all".
    """

    values: Sequence[Any] | NDArray[np.uint8]
    rows: NDArray[np.int64]
    label_cue: NDArray[np.str_] | LabelCue = "all"


Targets = Any
"""What is to be answered, by the task's kind of answer:

label: class numbers, int64 [num_instances], or, where a teacher has its say, shares of the classes, float32
[num_instances, num_labels]; labels: float32 [num_instances, num_labels], 1 for each label that holds;
transcript: a list of strings over a-z, apostrophe and space; text and image: None, as the source itself is
the target. A task tells which it is, so code that knows its task needs no cast.
"""


@dataclass(frozen=True)
class Examples:
    """A split of one task.

    Attributes:
        dataset: Its name, e.g. "sst2".
        split: train, validation or test, as every figure states it.
        task: Name of the task.
        labels: Class names, in the order of the targets; empty where the answer is no label.
        columns: Inputs by modality.
        targets: See `Targets`.
        scored_labels: The labels that the set's customary figure counts, where these are not all.
        human_answers: What ten people answered, for each instance, where the set says; there a target may be
            -1: the answer most gave is no label.
    """

    dataset: str
    split: str
    task: str
    labels: tuple[str, ...]
    columns: Mapping[Modality, Column]
    targets: Targets
    scored_labels: tuple[str, ...] = ()
    human_answers: Sequence[tuple[str, ...]] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())).rows)

    def sources(self, indices: Sequence[int] | NDArray[np.int64]) -> list[Source]:
        """Instances as a client would send them."""
        return [
            {modality: column.values[column.rows[index]] for modality, column in self.columns.items()}
            for index in indices
        ]


def in_part(name: str, num_parts: int) -> int:
    """A number from 0 to `num_parts` - 1 that depends on a name alone: its SHA-256 modulo `num_parts`."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % num_parts


def in_split(name: str, split: str, num_parts: int) -> bool:
    """Whether a thing of the training files is of `split`: of each `num_parts`, one is for validation.

    This is the rule for every data set that comes without a validation split. What belongs together (a
    picture's questions, a speaker's sentences) goes by one name.
    """
    return (in_part(name, num_parts) == 1) == (split == "validation")


class Chain(Sequence[Any]):
    """Several sequences, one after the other, without a copy.

    Args:
        parts: The sequences; none is empty.
    """

    def __init__(self, parts: Sequence[Sequence[Any] | NDArray[np.uint8]]) -> None:
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = int(np.searchsorted(self._ends, index, side="right"))
        return self._parts[part][index - (self._ends[part] - len(self._parts[part]))]


def distinct(values: Sequence[str]) -> Column:
    """A column of texts, each kept once."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(values))}
    return Column(list(numbers), np.array([numbers[text] for text in values], dtype=np.int64))


def one_each(values: Sequence[Any] | NDArray[np.uint8]) -> Column:
    """A column in which every instance has an input of its own."""
    return Column(values, np.arange(len(values)))


def multi_hot(held: Sequence[Collection[str]], labels: Sequence[str]) -> NDArray[np.float32]:
    """Which labels each instance holds, float32 [num_instances, num_labels]; others are left out."""
    rows = [[label in of_instance for label in labels] for of_instance in held]
    return np.array(rows, dtype=np.float32).reshape(len(held), len(labels))


def join(parts: Sequence[Examples]) -> Examples:
    """Splits of several data sets of one task as one, in order.

    Args:
        parts: Of the same task, with the same labels.

    Raises:
        InvalidField: If their tasks or labels differ.
    """
    first, name = parts[0], "+".join(part.dataset for part in parts)
    if any((part.task, part.labels) != (first.task, first.labels) for part in parts):
        raise InvalidField("dataset", name, "data sets of one task with the same labels")
    columns = {
        modality: _join_columns([part.columns[modality] for part in parts]) for modality in first.columns
    }
    targets = first.targets
    if isinstance(targets, np.ndarray):
        targets = np.concatenate([part.targets for part in parts])
    elif targets is not None:
        targets = [target for part in parts for target in part.targets]
    return Examples(
        dataset=name,
        split=first.split,
        task=first.task,
        labels=first.labels,
        columns=columns,
        targets=targets,
        scored_labels=first.scored_labels,
        human_answers=[people for part in parts for people in part.human_answers],
    )


def _join_columns(columns: Sequence[Column]) -> Column:
    starts = np.cumsum([0, *(len(column.values) for column in columns[:-1])])
    rows = [column.rows + start for column, start in zip(columns, starts, strict=True)]
    cues = [np.broadcast_to(column.label_cue, len(column.values)) for column in columns]
    return Column(Chain([column.values for column in columns]), np.concatenate(rows), np.concatenate(cues))
