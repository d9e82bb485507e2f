"""SST-2 in the GLUE layout: train.tsv and dev.tsv, header `sentence<TAB>label`, no quoting."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from experiments.data.base import Examples, in_part, one_each

LABELS = ("negative", "positive")
_MIN_WORDS = 20  # of a whole sentence
_VALIDATION_PARTS = 20
_FILES = {
    "train": "train.tsv",
    "validation": "train.tsv",
    "test": "dev.tsv",
}  # GLUE keeps the labels of its own test split


def load_sst2(root: Path, split: str, *, folder: str = "sst2", dataset: str = "sst2") -> Examples:
    """Read a split; figures are reported on dev, GLUE's labelled hold-out.

    Args:
        root: Folder that holds all data sets.
        split: "train", "validation" or "test" (dev.tsv, 872). Training is made of sentences and phrases
            of them. One in twenty of those with 20 words or more, by the SHA-256 of the text, is for
            validation; training has neither these nor any phrase that is a part of one.
        folder: Where the two files are, in `root`.
        dataset: Its name.
    """
    path = root / folder / _FILES[split]
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if split != "test":
        rows = _cut(rows, split)
    return Examples(
        dataset=dataset,
        split="dev" if split == "test" else split,
        task="sentiment",
        labels=LABELS,
        columns={"text": one_each([_text(row) for row in rows])},
        targets=np.array([int(row["label"]) for row in rows], dtype=np.int64),
    )


def _cut(rows: list[dict[str, str]], split: str) -> list[dict[str, str]]:
    """The rows of the training file that are for training, or for validation."""
    held_out = {text for text in map(_text, rows) if _is_held_out(text)}
    if split == "validation":
        return [row for row in rows if _text(row) in held_out]
    everything = "\n".join(f" {text} " for text in sorted(held_out))
    return [row for row in rows if f" {_text(row)} " not in everything]


def _text(row: dict[str, str]) -> str:
    return row["sentence"].strip()


def _is_held_out(text: str) -> bool:
    return len(text.split()) >= _MIN_WORDS and in_part(text, _VALIDATION_PARTS) == 1
