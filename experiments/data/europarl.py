"""Europarl, English: one sentence a line."""

from __future__ import annotations

import lzma
from pathlib import Path

from experiments.data.base import Examples, in_part, one_each
from transmitter.scoring import split_words

_FILES = {"train": "train.txt.xz", "validation": "val.txt.xz", "test": "test.txt.xz"}
_MIN_WORDS, _MAX_WORDS = 4, 30
_NUM_PARTS = 100
_PARTS = {"train": range(2, _NUM_PARTS), "validation": range(1, 2), "test": range(1)}


def load_europarl(root: Path, split: str) -> Examples:
    """Read the packed sentences: tokenised and true-cased, 4 to 30 tokens, none twice, 1996-2001.

    Args:
        root: Folder that holds `europarl/`.
        split: "train" (150,000), "validation" (2,000) or "test" (3,000).
    """
    with lzma.open(root / "europarl" / _FILES[split], "rt", encoding="utf-8") as file:
        sentences = file.read().splitlines()
    return _examples("europarl", split, sentences)


def load_europarl_v7(root: Path, split: str) -> Examples:
    """Read the corpus as it is published: one side of a pair of languages, such as europarl-v7.fr-en.en.

    Kept are sentences of 4 to 30 words, each once. The corpus has no split of its own: the SHA-256 of a
    sentence, as a number, modulo 100 is 0 in test, 1 in validation and above in training.

    Args:
        root: Folder that holds `europarl-v7/` with one or more files `*.en`, of which the first is read.
        split: "train", "validation" or "test".
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
    return _examples("europarl-v7", split, kept)


def _examples(dataset: str, split: str, sentences: list[str]) -> Examples:
    return Examples(
        dataset=dataset,
        split=split,
        task="text_reconstruction",
        labels=(),
        columns={"text": one_each(sentences)},
        targets=None,
    )
