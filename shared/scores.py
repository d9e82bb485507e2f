"""Scores a reconstruction against the source, which only the transmitter still holds."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from protos.semcom.v1 import receiver_pb2
from shared.source import Source
from shared.tasks import AnswerKind, get_task
from shared.typography import to_plain

MAX_PSNR_DB = 100.0
"""Stated where two pictures are the same: JSON has no infinity."""

_PEAK = 255.0
_MAX_NGRAM = 4
_TOKEN = re.compile(r"\w+|[^\w\s]")


def is_scored(task: str) -> bool:
    """Whether the truth about a task's answer is in its source."""
    return get_task(task).answer in _SCORERS


def score(task: str, source: Source, answer: receiver_pb2.Answer) -> dict[str, float]:
    """Score one answer.

    Args:
        task: Name of the task.
        source: What was encoded.
        answer: What the receiver made of it.

    Returns:
        {"psnr_db": ...} for a picture, {"bleu": ...} for reconstructed text; empty where the truth is not
        in the source.
    """
    scorer = _SCORERS.get(get_task(task).answer)
    return scorer(source, answer) if scorer else {}


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


def _score_image(source: Source, answer: receiver_pb2.Answer) -> dict[str, float]:
    """At the model's resolution: the source as the encoder saw it."""
    # The networks' own resize, and with it torch, which other answers do not need.
    from systems.layers.preprocessing import resize

    with Image.open(io.BytesIO(answer.image_png)) as png:
        image = np.asarray(png.convert("RGB"))
    height, width = image.shape[:2]
    return {"psnr_db": psnr_db(resize(source["image"], (height, width)), image)}


def _score_text(source: Source, answer: receiver_pb2.Answer) -> dict[str, float]:
    return {"bleu": bleu(source["text"], answer.text)}


_SCORERS: Mapping[AnswerKind, Callable[[Source, receiver_pb2.Answer], dict[str, float]]] = {
    "image": _score_image,
    "text": _score_text,
}
