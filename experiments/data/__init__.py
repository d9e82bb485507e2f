"""Data sets: `load_examples` reads one of the three splits of a task."""

from __future__ import annotations

import os
from pathlib import Path

from experiments.data.base import SPLITS, DatasetMissing, Examples, join
from experiments.data.catalogue import DATASETS, TRAINING, datasets_of
from shared.errors import InvalidField, UnknownName
from shared.tasks import get_task


def load_examples(task: str, split: str, dataset: str | None = None) -> Examples:
    """Read a split of a task from the folder that SEMCOM_DATA names.

    Args:
        task: Name of the task.
        split: One of `SPLITS`: train, validation or test.
        dataset: A name in DATASETS, or several with "+" between them, which are joined; a data set that is
            named twice is read twice. When absent: for training all that TRAINING names, else the first of
            them, so that a figure is never measured on a mixture.

    Raises:
        DatasetMissing: If SEMCOM_DATA is not set, or a file or a program is missing.
        UnknownName: If a data set is not one of the task's.
        InvalidField: If there is no such split.
        BrokenFile: If a file cannot be decoded.
    """
    if split not in SPLITS:
        raise InvalidField("split", split, ", ".join(SPLITS))
    mixture = TRAINING[get_task(task).name]
    names = (dataset or (mixture if split == "train" else mixture.split("+")[0])).split("+")
    parts = [_load(task, split, name) for name in names]
    return parts[0] if len(parts) == 1 else join(parts)


def _load(task: str, split: str, name: str) -> Examples:
    if name not in datasets_of(task):
        raise UnknownName("dataset", name, f"of task {task}: {', '.join(datasets_of(task))}")
    dataset, folder = DATASETS[name], os.environ.get("SEMCOM_DATA")
    if program := dataset.missing_program(split):
        raise DatasetMissing(name, f"program {program}", f"install it: apt install {program}")
    if dataset.files[split] and not folder:
        raise DatasetMissing(name, "SEMCOM_DATA", "set it to the folder that holds the data sets")
    root = Path(folder or "")
    for file in dataset.missing_files(root, split):
        raise DatasetMissing(name, str(root / file), f"source: {dataset.source}")
    stated = dataset.test_is if split == "test" else split
    return Examples(**vars(dataset.load(root, split)), dataset=name, split=stated, task=task)
