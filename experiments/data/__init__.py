"""Data sets: `load_examples` reads a task's split from the folder that SEMCOM_DATA names."""

from __future__ import annotations

import os
from pathlib import Path

from experiments.data.base import DatasetMissing, Examples, join
from experiments.data.catalogue import DATASETS, TRAINING, datasets_of
from shared.errors import InvalidField, UnknownName
from shared.tasks import get_task


def load_examples(task: str, split: str, dataset: str | None = None) -> Examples:
    """Read a task's split from the folder that SEMCOM_DATA names.

    Args:
        task: Name of the task.
        split: train, validation or test.
        dataset: A name in DATASETS, or several with "+" between, joined; one that is named twice counts
            twice. When absent: for training all that TRAINING names, else the first of them, so that a figure
            is never of a mixture.

    Raises:
        DatasetMissing: If SEMCOM_DATA is not set, or files are missing.
        UnknownName: If a data set is not one of the task's.
        InvalidField: If it has no such split.
        BrokenFile: If one of its files does not decode.
    """
    root = data_root(task)
    mixture = TRAINING[get_task(task).name]
    names = (dataset or (mixture if split == "train" else mixture.split("+")[0])).split("+")
    parts = [_load(root, task, split, name) for name in names]
    return parts[0] if len(parts) == 1 else join(parts)


def data_root(wanted: str) -> Path:
    """The folder that SEMCOM_DATA names.

    Args:
        wanted: What is to be read there, for the message.

    Raises:
        DatasetMissing: If SEMCOM_DATA is not set.
    """
    root = os.environ.get("SEMCOM_DATA")
    if not root:
        raise DatasetMissing(wanted, "SEMCOM_DATA", "set it to the folder that holds the data sets")
    return Path(root)


def _load(root: Path, task: str, split: str, name: str) -> Examples:
    if name not in datasets_of(task):
        raise UnknownName("dataset", name, f"of task {task}: {', '.join(datasets_of(task))}")
    _check_files(root, name, split)
    return DATASETS[name].load(root, split)


def _check_files(root: Path, name: str, split: str) -> None:
    dataset = DATASETS[name]
    if split not in dataset.files:
        raise InvalidField("split", split, f"of data set {name}: {', '.join(dataset.files)}")
    for file in dataset.missing(root, split):
        raise DatasetMissing(name, str(root / file), dataset.source)
