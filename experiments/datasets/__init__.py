"""Data sets by task. One more data set is one loader and one row of the table."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from experiments.datasets.base import DatasetMissing, Examples
from experiments.datasets.cifar10 import load_cifar10_jpeg
from experiments.datasets.easy_vqa import load_easy_vqa
from experiments.datasets.sst2 import load_sst2

LOADERS: Mapping[str, Callable[[Path, str], Examples]] = {
    "sentiment": load_sst2,
    "image_classification": load_cifar10_jpeg,
    "vqa": load_easy_vqa,
}


def load_examples(task: str, split: str) -> Examples:
    """Read a task's split from the folder that SEMCOM_DATA names.

    Raises:
        DatasetMissing: If SEMCOM_DATA is not set, the task has no data set yet, or files are missing.
    """
    root = os.environ.get("SEMCOM_DATA")
    if not root:
        raise DatasetMissing(task, "SEMCOM_DATA", "set it to the folder that holds the data sets")
    if task not in LOADERS:
        raise DatasetMissing(task, "a loader", f"there is one for {', '.join(LOADERS)}")
    return LOADERS[task](Path(root), split)
