"""SST-2 in the GLUE layout: train.tsv and dev.tsv, header `sentence<TAB>label`, no quoting."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from experiments.datasets.base import Examples, one_each

LABELS = ("negative", "positive")
_FILES = {"train": "train.tsv", "test": "dev.tsv"}  # GLUE keeps the labels of its own test split


def load_sst2(root: Path, split: str) -> Examples:
    """Read a split; figures are reported on dev, GLUE's labelled hold-out.

    Args:
        root: Folder that holds `sst2/`.
        split: "train" or "test" (dev.tsv).
    """
    path = root / "sst2" / _FILES[split]
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return Examples(
        dataset="sst2",
        split="dev" if split == "test" else split,
        task="sentiment",
        labels=LABELS,
        columns={"text": one_each([row["sentence"].strip() for row in rows])},
        targets=np.array([int(row["label"]) for row in rows], dtype=np.int64),
    )
