"""What a guesser reaches, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from small_data import small_examples

from experiments.data import load_examples
from experiments.data.base import DatasetMissing, Examples, distinct, one_each
from experiments.evaluation import baselines
from experiments.evaluation.baselines import guesser
from experiments.evaluation.measures import measures_of


@pytest.fixture
def trained_on(monkeypatch: pytest.MonkeyPatch) -> Callable[[Examples], None]:
    """Let the training split be this one."""
    return lambda train: monkeypatch.setattr(baselines, "load_examples", lambda *_: train)


def test_one_label_is_the_commonest() -> None:
    test = small_examples("image_classification", "test")
    (accuracy,) = measures_of(test)
    assert guesser(test, accuracy) == np.bincount(test.targets).max() / len(test)


def _films(split: str, rows: Sequence[Sequence[int]]) -> Examples:
    columns = {"text": one_each(["a plot"] * len(rows))}
    targets = np.array(rows, dtype=np.float32)
    return Examples(
        columns, targets, ("Action", "Comedy", "Drama"), dataset="films", split=split, task="movie_genres"
    )


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        # Drama alone: F1 2*3 / (4 + 3); with Comedy 2*4 / (4 + 6): Drama is guessed, right for 1 of 2.
        ([[0, 0, 1], [0, 0, 1], [0, 1, 1]], 2 * 1 / (2 + 3)),
        # Drama and Comedy, each in every film: both are guessed, right for 3 of 4.
        ([[0, 1, 1], [0, 1, 1]], 2 * 3 / (4 + 3)),
    ],
)
def test_of_several_labels_as_many_are_guessed_as_score_best_in_training(
    train: list[list[int]], expected: float, trained_on: Callable[[Examples], None]
) -> None:
    trained_on(_films("train", train))
    test = _films("test", [[0, 1, 1], [0, 1, 0]])
    assert guesser(test, measures_of(test)[0]) == pytest.approx(expected)


def _questions(split: str, asked: Sequence[str], answers: Sequence[int]) -> Examples:
    columns = {"image": one_each(np.zeros((len(asked), 8, 8, 3), np.uint8)), "text": distinct(asked)}
    return Examples(
        columns, np.array(answers), ("no", "yes", "two"), dataset="questions", split=split, task="vqa"
    )


def test_a_question_is_answered_as_it_most_often_was(trained_on: Callable[[Examples], None]) -> None:
    trained_on(_questions("train", ["is it?"] * 3 + ["how many?"] * 2, [1, 1, 0, 2, 2]))
    test = _questions("test", ["is it?", "is it?", "how many?", "why?", "why?"], [1, 0, 2, 1, 0])
    (accuracy,) = measures_of(test)
    assert (
        guesser(test, accuracy) == 3 / 5
    )  # "why?" was never asked: yes, the commonest of all, is right once
    people = [("yes",) * 10, ("no",) * 6 + ("yes",) * 4, ("no",) * 10, ("no",) * 10, ("no",) * 10]
    (official,) = measures_of(asked_ten := replace(test, human_answers=people))
    assert guesser(asked_ten, official) == 2 / 5


def test_what_cannot_be_guessed_or_learnt_has_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = small_examples("image_reconstruction", "test")
    assert guesser(pictures, measures_of(pictures)[0]) is None

    def missing(*_: object) -> Examples:
        raise DatasetMissing("questions", "train.json", "somewhere")

    monkeypatch.setattr(baselines, "load_examples", missing)
    test = _questions("test", ["is it?"], [1])
    assert guesser(test, measures_of(test)[0]) is None


def test_easy_vqa_guesser_is_the_known_one(data_folder: object) -> None:
    test = load_examples("vqa", "test")
    assert guesser(test, measures_of(test)[0]) == pytest.approx(0.670, abs=0.001)
