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
        lines = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        rows = [(line["sentence"].strip(), int(line["label"])) for line in lines]
    if split != "test":
        sentences = [row for row in rows if len(row[0].split()) >= _MIN_WORDS]
        held_out = [row for row in sentences if in_split(row[0], "validation")]
        training = _outside(rows, held_out)
        rows = training if split == "train" else _outside(held_out, training)
    targets = np.array([label for _, label in rows], dtype=np.int64)
    return Instances({"text": one_each([text for text, _ in rows])}, targets, LABELS)


def _outside(rows: list[tuple[str, int]], others: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The rows of text and label whose text is no part of any text of `others`."""
    everything = "\n".join(f" {text} " for text in sorted({text for text, _ in others}))
    return [(text, label) for text, label in rows if f" {text} " not in everything]
