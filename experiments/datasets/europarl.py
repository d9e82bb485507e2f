"""Europarl, English: one sentence a line."""

from __future__ import annotations

import lzma
from pathlib import Path

from experiments.datasets.base import Examples, one_each

_FILES = {"train": "train.txt.xz", "validation": "val.txt.xz", "test": "test.txt.xz"}


def load_europarl(root: Path, split: str) -> Examples:
    """Read the packed sentences: tokenised and true-cased, 4 to 30 tokens, none twice, 1996-2001.

    Args:
        root: Folder that holds `europarl/`.
        split: "train" (150,000), "validation" (2,000) or "test" (3,000).
    """
    with lzma.open(root / "europarl" / _FILES[split], "rt", encoding="utf-8") as file:
        sentences = file.read().splitlines()
    return Examples(
        dataset="europarl",
        split=split,
        task="text_reconstruction",
        labels=(),
        columns={"text": one_each(sentences)},
        targets=None,
    )
