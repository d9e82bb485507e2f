"""A small data set of every task that can be learnt in seconds: colours, tones and a few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from experiments.data.base import Column, Examples, Instances, distinct, one_each

_COLOURS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220)}
_TONES_HZ = {"lo": 300.0, "hi": 3000.0}
_NOUNS = ("film", "house", "tree")
_NUM = 48


def _pictures(rng: np.random.Generator, numbers: np.ndarray, size: int) -> np.ndarray:
    base = np.array(list(_COLOURS.values()))[numbers][:, None, None, :]
    noisy = base + rng.integers(-20, 21, (len(numbers), size, size, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def _tone(rng: np.random.Generator, word: str) -> np.ndarray:
    times = np.arange(16_000 // 2) / 16_000
    noisy = np.sin(2 * np.pi * _TONES_HZ[word] * times) + 0.01 * rng.standard_normal(len(times))
    return (0.3 * noisy).astype(np.float32)


def _sentiment(rng: np.random.Generator) -> Instances:
    targets = rng.integers(0, 2, 96)
    texts = [f"{'a good' if good else 'bad'} film {'.' * int(rng.integers(1, 4))}" for good in targets]
    columns = {"text": one_each(texts)}
    return Instances(columns, targets, ("negative", "positive"))


def _sentences(rng: np.random.Generator) -> Instances:
    texts = [f"a {_NOUNS[a]} and a {_NOUNS[b]} ." for a, b in rng.integers(0, 3, (_NUM, 2))]
    return Instances({"text": one_each(texts)})


def _colours(rng: np.random.Generator) -> Instances:
    numbers = rng.integers(0, 3, _NUM)
    columns = {"image": one_each(_pictures(rng, numbers, 32))}
    return Instances(columns, numbers, tuple(_COLOURS))


def _pictures_alone(rng: np.random.Generator) -> Instances:
    return Instances({"image": one_each(_pictures(rng, rng.integers(0, 3, _NUM), 32))})


def _tones(rng: np.random.Generator) -> Instances:
    words = [list(_TONES_HZ)[number] for number in rng.integers(0, 2, _NUM)]
    return Instances({"audio": one_each([_tone(rng, word) for word in words])}, words)


def _clips(rng: np.random.Generator) -> Instances:
    numbers = rng.integers(0, 3, _NUM // 2)
    clips = [np.stack([picture] * 18) for picture in _pictures(rng, numbers, 64)]
    return Instances({"video": one_each(clips)}, numbers, tuple(_COLOURS))


def _questions(rng: np.random.Generator) -> Instances:
    numbers = rng.integers(0, 3, _NUM)
    rows = np.repeat(np.arange(_NUM), 3)
    asked = np.tile(np.arange(3), _NUM)
    questions = [f"is the shape {list(_COLOURS)[colour]} ?" for colour in asked]
    columns = {"image": Column(_pictures(rng, numbers, 64), rows), "text": distinct(questions)}
    return Instances(columns, (numbers[rows] == asked).astype(np.int64), ("no", "yes"))


def _films(rng: np.random.Generator) -> Instances:
    """The poster tells two genres, the plot the third."""
    numbers, sad = rng.integers(0, 3, _NUM), rng.integers(0, 2, _NUM)
    targets = np.stack([numbers == 0, numbers <= 1, sad], 1).astype(np.float32)
    posters = _pictures(rng, numbers, 48)
    plots = [f"a {'bad' if number else 'good'} film" for number in sad]
    columns = {"image": one_each(posters), "text": one_each(plots)}
    return Instances(columns, targets, ("Action", "Comedy", "Drama"))


_MAKERS: Mapping[str, tuple[str, Callable[[np.random.Generator], Instances]]] = {
    "sentiment": ("words", _sentiment),
    "text_reconstruction": ("words", _sentences),
    "image_classification": ("colours", _colours),
    "image_reconstruction": ("colours", _pictures_alone),
    "speech_recognition": ("tones", _tones),
    "video_classification": ("colours", _clips),
    "vqa": ("colours", _questions),
    "movie_genres": ("films", _films),
}


def small_examples(task: str, split: str, dataset: str | None = None) -> Examples:
    """A split of a task; training and test instances are drawn apart."""
    name, make = _MAKERS[task]
    instances = make(np.random.default_rng({"train": 1, "test": 2, "validation": 3}[split]))
    return Examples(**vars(instances), dataset=name, split=split, task=task)
