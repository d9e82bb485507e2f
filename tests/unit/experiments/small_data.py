"""A small data set of pictures, questions and sentences that can be learnt in seconds."""

from __future__ import annotations

import numpy as np

from experiments.datasets.base import Column, Examples, distinct, one_each

_COLOURS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220)}


def _pictures(rng: np.random.Generator, numbers: np.ndarray, size: int) -> np.ndarray:
    base = np.array(list(_COLOURS.values()))[numbers][:, None, None, :]
    noisy = base + rng.integers(-20, 21, (len(numbers), size, size, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def small_examples(task: str, split: str) -> Examples:
    """Colours to tell, colours to be asked about, and words that please or not."""
    rng = np.random.default_rng({"train": 1, "test": 2}[split])
    if task == "sentiment":
        targets = rng.integers(0, 2, 96)
        texts = [f"{'a good' if good else 'bad'} film {'.' * int(rng.integers(1, 4))}" for good in targets]
        return Examples("words", split, task, ("negative", "positive"), {"text": one_each(texts)}, targets)
    numbers = rng.integers(0, 3, 48)
    if task == "image_classification":
        columns = {"image": one_each(_pictures(rng, numbers, 32))}
        return Examples("colours", split, task, tuple(_COLOURS), columns, numbers)
    rows = np.repeat(np.arange(48), 3)
    asked = np.tile(np.arange(3), 48)
    questions = [f"is the shape {list(_COLOURS)[colour]} ?" for colour in asked]
    columns = {"image": Column(_pictures(rng, numbers, 64), rows), "text": distinct(questions)}
    return Examples("colours", split, task, ("no", "yes"), columns, (numbers[rows] == asked).astype(np.int64))
