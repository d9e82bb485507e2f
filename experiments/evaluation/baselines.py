"""What a guesser reaches that never sees the input: the figure every other one should be read beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torchmetrics.functional.classification import multilabel_f1_score

from experiments.data import load_examples
from experiments.data.base import DatasetMissing, Examples
from experiments.evaluation.measures import Measure
from systems.base import TaskAnswer


def guesser(test: Examples, measure: Measure) -> float | None:
    """A measure of guesses at one label or at several.

    One label: the commonest of the split, or with questions about pictures the commonest training answer to
    the same question. Several are guessed for all alike: the commonest in training, as many as score best
    there.

    Args:
        test: The split the figure is for; its training split is read where the guess is learnt from it.
        measure: Of the task.

    Returns:
        None where the answer is no label, or the training split is not there to learn from.
    """
    if not test.labels:
        return None
    try:
        guesses = _labels_guessed(test, measure)
    except DatasetMissing:
        return None
    return measure(test, range(len(test)), [[TaskAnswer(labels=labels) for labels in guesses]]).value


def _labels_guessed(test: Examples, measure: Measure) -> list[tuple[str, ...]]:
    """What is guessed of each instance."""
    if test.targets.ndim == 2:
        return [_best_guess(load_examples(test.task, "train", test.dataset), measure)] * len(test)
    if {"text", "image"} <= test.columns.keys():
        train = load_examples(test.task, "train", test.dataset)
        return [(train.labels[number],) for number in _answers_guessed(train, _questions(test))]
    return [(test.labels[_commonest(test.targets.tolist())],)] * len(test)


def _answers_guessed(train: Examples, questions: Sequence[str]) -> list[int]:
    """The commonest training answer to each question, or of all where it was never asked."""
    answers: dict[str, list[int]] = {}
    for question, target in zip(_questions(train), train.targets.tolist(), strict=True):
        answers.setdefault(question, []).append(target)
    guesses = {question: _commonest(targets) for question, targets in answers.items()}
    fallback = _commonest(train.targets.tolist())
    return [guesses.get(question, fallback) for question in questions]


def _commonest(numbers: Sequence[int]) -> int:
    return Counter(numbers).most_common(1)[0][0]


def _best_guess(train: Examples, measure: Measure) -> tuple[str, ...]:
    """The commonest labels, as many as score best for all instances alike; without the slow interval."""
    order = np.argsort(-np.asarray(train.targets).sum(0), kind="stable")
    guesses = [tuple(train.labels[place] for place in order[:count]) for count in range(1, len(order) + 1)]
    true = torch.from_numpy(np.stack([measure.true(train, index) for index in range(len(train))])).int()
    average = measure.metric.removesuffix("_f1")
    rows = [torch.from_numpy(measure.predicted(train, TaskAnswer(labels=labels))) for labels in guesses]
    found = [
        float(multilabel_f1_score(row.expand_as(true), true, true.shape[1], average=average)) for row in rows
    ]
    return guesses[int(np.argmax(found))]


def _questions(examples: Examples) -> list[str]:
    column = examples.columns["text"]
    return [str(column.values[row]) for row in column.rows]
