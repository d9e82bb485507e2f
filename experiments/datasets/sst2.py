"""SST-2 in the GLUE layout: train.tsv and dev.tsv, header `sentence<TAB>label`, no quoting."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from experiments.datasets.base import Examples, one_each

LABELS = ("negative", "positive")
_FILES = {"train": "train.tsv", "test": "dev.tsv"}  # GLUE keeps the labels of its own test split


def load_sst2(root: Path, split: str, *, folder: str = "sst2", dataset: str = "sst2") -> Examples:
    """Read a split; figures are reported on dev, GLUE's labelled hold-out.

    Args:
        root: Folder that holds all data sets.
        split: "train" (67,349) or "test" (dev.tsv, 872).
        folder: Where the two files are, in `root`.
        dataset: Its name.
    """
    path = root / folder / _FILES[split]
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return Examples(
        dataset=dataset,
        split="dev" if split == "test" else split,
        task="sentiment",
        labels=LABELS,
        columns={"text": one_each([row["sentence"].strip() for row in rows])},
        targets=np.array([int(row["label"]) for row in rows], dtype=np.int64),
    )
