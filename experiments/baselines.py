"""What a guesser reaches that never sees the picture: the figure every other one should be read beside."""

from __future__ import annotations

from collections import Counter

from experiments.datasets import load_examples
from experiments.datasets.base import Examples


def guesser_accuracy(test: Examples) -> float:
    """Accuracy of the commonest training answer to the same question, or of the commonest label.

    Args:
        test: The split the figure is for; with questions about pictures, its training split is read too.
    """
    if not {"text", "image"} <= test.columns.keys():
        commonest: int = max(Counter(test.targets.tolist()).values())
        return commonest / len(test)
    train = load_examples(test.task, "train")
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


def _questions(examples: Examples) -> list[str]:
    column = examples.columns["text"]
    return [str(column.values[row]) for row in column.rows]
