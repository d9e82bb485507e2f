"""SST-2 in the layout of GLUE: train.tsv and dev.tsv, with a header `sentence<TAB>label` and no quoting."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from experiments.data.base import Instances, in_split, one_each

LABELS = ("negative", "positive")
_MIN_WORDS = 20  # fewer words are mostly a phrase, not a sentence


def load_sst2(root: Path, split: str, *, folder: str = "sst2") -> Instances:
    """Read a split from a folder. Test is GLUE's dev set: its test set has no public labels.

    The published training texts are sentences and phrases of them. Held out is one in twenty of those with
    20 words or more, by the SHA-256 of the text. The training split has all others, except phrases that are a
    part of a text that is held out. The validation split has the texts held out that are no part of a longer
    training text.
    """
    path = root / folder / ("dev.tsv" if split == "test" else "train.tsv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if split != "test":
        rows = _cut(rows, split)
    targets = np.array([int(row["label"]) for row in rows], dtype=np.int64)
    return Instances({"text": one_each([_text(row) for row in rows])}, targets, LABELS)


def _cut(rows: list[dict[str, str]], split: str) -> list[dict[str, str]]:
    """The rows of train.tsv that belong to the training or to the validation split."""
    held_out = [row for row in rows if _is_held_out(_text(row))]
    training = _outside(rows, held_out)
    return training if split == "train" else _outside(held_out, training)


def _outside(rows: list[dict[str, str]], others: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows whose text is no part of any text of `others`."""
    everything = "\n".join(f" {text} " for text in sorted(set(map(_text, others))))
    return [row for row in rows if f" {_text(row)} " not in everything]


def _text(row: dict[str, str]) -> str:
    return row["sentence"].strip()


def _is_held_out(text: str) -> bool:
    return len(text.split()) >= _MIN_WORDS and in_split(text, "validation")
