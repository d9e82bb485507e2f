"""What every loader returns, a split as columns of inputs and targets; and the rule of validation splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from shared.errors import InvalidField, SemcomError
from shared.source import Source
from shared.tasks import Modality

SPLITS = ("train", "validation", "test")
"""Every data set has these three, and no instance is in two of them.

Networks learn from train. Every choice (architecture, recipe, number of steps) is made on validation. Test is
read only by the command that measures the figures.
"""


class DatasetMissing(SemcomError):
    """A file of a data set, or the program that makes it, is not on this machine."""

    def __init__(self, dataset: str, missing: str, hint: str) -> None:
        super().__init__(f"data set {dataset!r}: {missing} not found; {hint}")


class BrokenFile(SemcomError):
    """A file of a data set exists, but it cannot be decoded."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"{file} is broken: {reason}")


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
        values: Distinct inputs, each in the form that `shared.source.Source` defines. Pictures of one
            size are one array, uint8 [num_values, height, width, 3]. Everything else is a sequence, which may
            read an item from disk when the item is asked for.
        rows: Index into `values` of each instance, int64 [num_instances].
        label_cue: See `LabelCue`; one for all values, or one for each of them. Only video clips have one
            that is not "all".
    """

    values: Sequence[Any] | NDArray[np.uint8]
    rows: NDArray[np.int64]
    label_cue: NDArray[np.str_] | LabelCue = "all"


Targets = Any
"""The right answers. Their type depends on the kind of answer of the task:

label: class numbers, int64 [num_instances].
labels: float32 [num_instances, num_labels], 1 for each label that the instance has, else 0.
transcript: a list of strings of the letters a to z, apostrophe and space.
text and image: None, because the source itself is the target.
"""


@dataclass(frozen=True)
class Instances:
    """What a loader reads of one split.

    Attributes:
        columns: Inputs by modality.
        targets: See `Targets`.
        labels: Class names, in the order of the targets; empty where the answer is not a label.
        scored_labels: The labels that the usual metric of this data set counts, if it does not count all.
        human_answers: The answers of ten people to each instance, if the data set has them. A target is then
            -1 if the most frequent answer is not one of the labels.
    """

    columns: Mapping[Modality, Column]
    targets: Targets = None
    labels: tuple[str, ...] = ()
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


@dataclass(frozen=True, kw_only=True)
class Examples(Instances):
    """A split of one task.

    Attributes:
        dataset: Name of the data set, e.g. "sst2".
        split: Name of the split as figures state it: one of `SPLITS`, but "dev" for the test split of SST-2,
            because it is the published dev set.
        task: Name of the task.
    """

    dataset: str
    split: str
    task: str


Loader = Callable[[Path, str], Instances]
"""Reads a split, one of `SPLITS`, from the folder that holds all data sets.

Raises `BrokenFile` if a file cannot be decoded. Sizes and rules of all splits are in docs/data.md.
"""


def in_part(name: str, num_parts: int) -> int:
    """A number from 0 to `num_parts` - 1 that depends on a name only: its SHA-256 modulo `num_parts`."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % num_parts


def in_split(name: str, split: str, num_parts: int = 20) -> bool:
    """Whether an item belongs to a split of a data set that is published without a validation split.

    Of the published training items, those whose `in_part` is 1 are the validation split, and the others are
    the training split. All published test items are the test split. Items that belong together share a name:
    the questions about one picture have the number of the picture, the sentences of a speaker that of the
    speaker.

    Args:
        name: Name of the item; its file must be that of the split: a training file, or a test file.
        split: One of `SPLITS`.
        num_parts: One in so many training items is for validation.
    """
    return split == "test" or (in_part(name, num_parts) == 1) == (split == "validation")


def distinct(values: Sequence[str]) -> Column:
    """A column of texts that stores equal texts once."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(values))}
    return Column(list(numbers), np.array([numbers[text] for text in values], dtype=np.int64))


def one_each(values: Sequence[Any] | NDArray[np.uint8]) -> Column:
    """A column in which every instance has an input of its own."""
    return Column(values, np.arange(len(values)))


def multi_hot(held: Sequence[Collection[str]], labels: Sequence[str]) -> NDArray[np.float32]:
    """1 where an instance has a label, else 0; float32 [num_instances, num_labels].

    Args:
        held: The labels of each instance; those that are not in `labels` are left out.
        labels: The labels to encode, in order.
    """
    rows = [[label in of_instance for label in labels] for of_instance in held]
    return np.array(rows, dtype=np.float32).reshape(len(held), len(labels))


def join(parts: Sequence[Examples]) -> Examples:
    """The same split of several data sets as one, in the order given.

    Args:
        parts: One split of each data set; all of the same task and with the same labels.

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
    people = [row for part in parts for row in part.human_answers]
    return replace(first, dataset=name, columns=columns, targets=targets, human_answers=people)


def _join_columns(columns: Sequence[Column]) -> Column:
    # Loads torch, which listing the data sets does not need.
    from torch.utils.data import ConcatDataset

    starts = np.cumsum([0, *(len(column.values) for column in columns[:-1])])
    rows = [column.rows + start for column, start in zip(columns, starts, strict=True)]
    cues = [np.broadcast_to(column.label_cue, len(column.values)) for column in columns]
    values = cast(Sequence[Any], ConcatDataset([cast(Any, column.values) for column in columns]))
    return Column(values, np.concatenate(rows), np.concatenate(cues))
