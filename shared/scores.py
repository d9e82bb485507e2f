"""PSNR of a picture and BLEU of a text, each against its source."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
from numpy.typing import NDArray

from shared.typography import to_plain

MAX_PSNR_DB = 100.0
"""Stated where two pictures are the same: JSON has no infinity."""

_PEAK = 255.0
_MAX_NGRAM = 4
_TOKEN = re.compile(r"\w+|[^\w\s]")


def psnr_db(reference: NDArray[np.uint8], image: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio, 10 log10(255^2 / mean squared error) [dB], at most 100.

    Args:
        reference: uint8, shape [height, width, 3].
        image: Same shape.
    """
    error = np.mean((reference.astype(np.float64) - image) ** 2)
    if error == 0:
        return MAX_PSNR_DB
    return min(MAX_PSNR_DB, float(10 * np.log10(_PEAK**2 / error)))


def warm_up() -> None:
    """Import what the first score would wait for by seconds."""
    from torchmetrics.functional.text import bleu_score  # noqa: F401


def bleu(reference: str, text: str) -> float:
    """BLEU-4 of one sentence, 0 to 1, without smoothing (torchmetrics.functional.text.bleu_score).

    Case and accents do not count, as the vocabulary knows neither; punctuation marks are words. A reference
    of fewer than four words is scored by the n-grams it has.
    """
    words, reference_words = split_words(text), split_words(reference)
    if not words or not reference_words:
        return float(words == reference_words)
    # Takes seconds to import, and only this task needs it.
    from torchmetrics.functional.text import bleu_score

    num_grams = min(_MAX_NGRAM, len(reference_words))
    return float(bleu_score([" ".join(words)], [[" ".join(reference_words)]], n_gram=num_grams))


def split_words(text: str) -> list[str]:
    """Words of a text as BLEU counts them: plain, lower case, no accents, every punctuation mark a word."""
    decomposed = unicodedata.normalize("NFD", to_plain(text).lower())
    return _TOKEN.findall("".join(char for char in decomposed if not unicodedata.combining(char)))
