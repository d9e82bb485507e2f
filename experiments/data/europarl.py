"""The English side of Europarl, one sentence a line."""

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
    """Read sentences of 1996 to 2001: tokenised, true-cased, of 4 to 30 tokens, without duplicates.

    Args:
        root: Folder that holds `europarl/`.
        split: "train" (150,000), "validation" (2,000) or "test" (3,000).
    """
    with lzma.open(root / "europarl" / _FILES[split], "rt", encoding="utf-8") as file:
        sentences = file.read().splitlines()
    return _examples("europarl", split, sentences)


def load_europarl_v7(root: Path, split: str) -> Examples:
    """Read the published corpus: the English file of a pair of languages, such as europarl-v7.fr-en.en.

    Sentences of 4 to 30 words are read, without duplicates. The corpus is published without splits.

    Args:
        root: Folder that holds `europarl-v7/` with one or more files `*.en`, of which the first is read.
        split: "test", "validation" or "train": sentences whose SHA-256 modulo 100 is 0, is 1, or is another
            number.
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
