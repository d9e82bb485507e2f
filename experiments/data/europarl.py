"""The English side of Europarl, one sentence a line."""

from __future__ import annotations

import lzma
from pathlib import Path

from experiments.data.base import Instances, in_part, one_each
from shared.scores import split_words

_FILES = {"train": "train.txt.xz", "validation": "val.txt.xz", "test": "test.txt.xz"}
_MIN_WORDS, _MAX_WORDS = 4, 30
_NUM_PARTS = 100
_PARTS = {"train": range(2, _NUM_PARTS), "validation": range(1, 2), "test": range(1)}


def load_europarl(root: Path, split: str) -> Instances:
    """Read europarl/, sentences of 1996 to 2001: tokenised, true-cased, of 4 to 30 tokens, each once."""
    with lzma.open(root / "europarl" / _FILES[split], "rt", encoding="utf-8") as file:
        return Instances({"text": one_each(file.read().splitlines())})


def load_europarl_v7(root: Path, split: str) -> Instances:
    """Read the published corpus: the first English file in europarl-v7/, such as europarl-v7.fr-en.en.

    Sentences of 4 to 30 words are read, without duplicates.
    """
    path = min((root / "europarl-v7").glob("*.en"))
    with path.open(encoding="utf-8") as file:
        sentences = dict.fromkeys(line.strip() for line in file)
    kept = [
        sentence
        for sentence in sentences
        if in_part(sentence, _NUM_PARTS) in _PARTS[split]
        and _MIN_WORDS <= len(split_words(sentence)) <= _MAX_WORDS
    ]
    return Instances({"text": one_each(kept)})
