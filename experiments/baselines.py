"""What a guesser reaches that never sees the input: the figure every other one should be read beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torchmetrics.functional.classification import multilabel_f1_score

from experiments.datasets import load_examples
from experiments.datasets.base import Examples
from experiments.measures import Measure
from receiver.systems.base import TaskAnswer


def guesser(test: Examples, measure: Measure) -> float | None:
    """A measure of guesses at one label or at several; None where the answer is no label.

    Several labels are guessed for all alike: the commonest in training, as many as score best there.

    Args:
        test: The split the figure is for; its training split is read where the guess is learnt from it.
        measure: Of the task.
    """
    if not test.labels:
        return None
    if test.targets.ndim == 1:
        return guesser_accuracy(test)
    train = load_examples(test.task, "train", test.dataset)
    order = np.argsort(-np.asarray(train.targets).sum(0), kind="stable")
    guesses = [tuple(train.labels[place] for place in order[:count]) for count in range(1, len(order) + 1)]
    in_train = _f1_of_one_guess(train, measure, guesses)
    (found,) = _f1_of_one_guess(test, measure, [guesses[int(np.argmax(in_train))]])
    return found


def guesser_accuracy(test: Examples) -> float:
    """Accuracy of the commonest training answer to the same question, or of the commonest label.

    Args:
        test: The split the figure is for; with questions about pictures, its training split is read too.
    """
    if not {"text", "image"} <= test.columns.keys():
        commonest: int = max(Counter(test.targets.tolist()).values())
        return commonest / len(test)
    train = load_examples(test.task, "train", test.dataset)
    answers: dict[str, Counter[int]] = {}
    for question, target in zip(_questions(train), train.targets.tolist(), strict=True):
        answers.setdefault(question, Counter())[target] += 1
    overall = Counter(train.targets.tolist())
    guesses = {question: counts.most_common(1)[0][0] for question, counts in answers.items()}
    fallback = overall.most_common(1)[0][0]
    right = [
        guesses.get(question, fallback) == target
        for question, target in zip(_questions(test), test.targets.tolist(), strict=True)
    ]
    return float(sum(right)) / len(right)


def _f1_of_one_guess(examples: Examples, measure: Measure, guesses: Sequence[tuple[str, ...]]) -> list[float]:
    """F1 of each guess, made for every instance; without the interval, which would take minutes."""
    true = torch.from_numpy(np.stack([measure.true(examples, index) for index in range(len(examples))]))
    rows = [torch.from_numpy(measure.predicted(examples, TaskAnswer(labels=labels))) for labels in guesses]
    average = measure.metric.removesuffix("_f1")
    return [
        float(multilabel_f1_score(row.expand_as(true), true.int(), true.shape[1], average=average))
        for row in rows
    ]


def _questions(examples: Examples) -> list[str]:
    column = examples.columns["text"]
    return [str(column.values[row]) for row in column.rows]
