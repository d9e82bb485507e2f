"""Every metric against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.data import load_examples
from experiments.data.base import multi_hot
from experiments.evaluation.metrics import METRICS


def _value(name: str, predictions: object, targets: object) -> float:
    return METRICS[name].measure([predictions], targets).value


def test_accuracy_and_its_wilson_interval() -> None:
    measured = METRICS["accuracy"].measure([["a"] * 10], ["a"] * 8 + ["b"] * 2)
    # Wilson: centre (p + z^2/2n) / (1 + z^2/n), half width z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n).
    p, n, z = 0.8, 10, 1.959964
    centre, scale = p + z * z / (2 * n), 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert measured.value == 0.8
    assert (measured.low, measured.high) == pytest.approx(
        ((centre - half) / scale, (centre + half) / scale), abs=1e-6
    )


def test_f1_counts_over_labels_or_means_them() -> None:
    labels = ("drama", "war", "music")
    said = multi_hot([{"drama"}, {"drama", "war"}, {"music"}], labels)
    true = multi_hot([{"drama"}, {"war"}, {"drama"}], labels)
    # drama: 1 found, 1 wrong, 1 missed: F1 1/2; war: 1; music: 0 found, 1 wrong: 0.
    assert _value("macro_f1", said, true) == pytest.approx((0.5 + 1 + 0) / 3)
    assert _value("micro_f1", said, true) == pytest.approx(2 * 2 / (2 * 2 + 2 + 1))
    wider = [
        multi_hot(sets, (*labels, "absent")) for sets in ([{"drama"}, {"music"}], [{"drama"}, {"drama"}])
    ]
    assert _value("macro_f1", *wider) == pytest.approx((2 / 3 + 0 + 0 + 0) / 4)  # nowhere: zero
    two = ("drama", "war")
    chosen = [
        multi_hot(sets, two) for sets in ([{"drama"}, {"drama", "war"}, {"music"}], [{"drama"}, {"war"}])
    ]
    assert chosen[0].tolist() == [[1, 0], [1, 1], [0, 0]]
    assert _value("macro_f1", said[:, :2], true[:, :2]) == pytest.approx((0.5 + 1) / 2)
    assert _value("micro_f1", said[:, :2], true[:, :2]) == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))


def test_bleu_of_the_corpus() -> None:
    said = ["the cat sat on the mat", "it is"]
    true = ["the cat sat on a mat", "it is so"]
    # Words 7 of 8; pairs 3+1 of 5+1; triples 2 of 4; fours 1 of 3; 8 words said of 9: exp(1 - 9/8).
    brevity = math.exp(1 - 9 / 8)
    assert _value("bleu_1", said, true) == pytest.approx(brevity * 7 / 8, abs=1e-6)
    expected = brevity * (7 / 8 * 4 / 6 * 2 / 4 * 1 / 3) ** 0.25
    assert _value("bleu_4", said, true) == pytest.approx(expected, abs=1e-6)


def test_word_pieces_joined_again_cost_no_bleu() -> None:
    true = ["Parliament 's vote , I say , is non-binding : à la carte .", "It is 5.5 % ( five ) ."]
    said = ["parliament ' s vote, i say, is non - binding : a la carte.", "it is 5. 5 % ( five )."]
    assert _value("bleu_4", said, true) == pytest.approx(1.0)
    assert _value("bleu_1", ["parliament s vote"], ["Parliament 's vote"]) == pytest.approx(
        math.exp(1 - 4 / 3)
    )


def test_psnr_is_the_mean_of_the_pictures() -> None:
    zero = np.zeros((4, 4, 3), dtype=np.uint8)
    # Errors of 255 and of 1 everywhere: 0 dB and 20 log10 255 dB; no error: capped at 100 dB.
    said = [zero + 255, zero + 1, zero]
    assert _value("psnr_db", said, [zero] * 3) == pytest.approx((0 + 20 * math.log10(255) + 100) / 3)


def test_word_accuracy_counts_errors_of_the_corpus() -> None:
    true = ["one two three", "four"]
    # One substitution, one deletion; then two insertions: 4 errors in 4 words.
    assert _value("word_accuracy", ["one six", "four five six"], true) == pytest.approx(1 - 4 / 4)
    assert _value("word_accuracy", ["one two", "four"], true) == pytest.approx(1 - 1 / 4)
    assert _value("word_accuracy", ["", "a b c d e f"], true) == pytest.approx(1 - 9 / 4)


def test_word_accuracy_of_silence_is_all_or_nothing() -> None:
    assert _value("word_accuracy", ["", ""], ["", ""]) == 1.0
    assert _value("word_accuracy", ["six", ""], ["", ""]) == 0.0
    assert _value("word_accuracy", ["", "one"], ["", "one two"]) == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("num_agreeing", "expected"),
    # n of ten gave the answer: n times one of them is left out, leaving n - 1; 10 - n times n remain.
    [(0, 0.0), (1, 0.9 / 3), (2, (2 * 1 + 8 * 2) / 30), (3, (3 * 2 + 7 * 3) / 30), (4, 1.0), (10, 1.0)],
)
def test_vqa_accuracy_leaves_each_person_out(num_agreeing: int, expected: float) -> None:
    people = ["Yes"] * num_agreeing + [f"no {n}" for n in range(10 - num_agreeing)]
    assert _value("vqa_accuracy", ["yes"], [people]) == pytest.approx(expected)


def test_the_bootstrap_meets_the_normal_interval_of_a_mean() -> None:
    errors = np.random.default_rng(1).integers(1, 40, 400)
    reference = np.zeros((1, 1, 3), dtype=np.uint8)
    pictures = [reference + error.astype(np.uint8) for error in errors]
    measured = METRICS["psnr_db"].measure([pictures], [reference] * 400)
    figures = 20 * np.log10(255 / errors)
    half = 1.96 * figures.std(ddof=1) / math.sqrt(400)
    assert measured.value == pytest.approx(figures.mean())
    assert measured.low == pytest.approx(figures.mean() - half, abs=0.15 * half)
    assert measured.high == pytest.approx(figures.mean() + half, abs=0.15 * half)


def test_of_several_realisations_the_mean_is_measured_and_instances_are_drawn_with_all_of_theirs() -> None:
    """Half of the instances are hard: right in two draws of ten; the others always."""
    num_instances, num_realisations = 400, 10
    is_hard = np.arange(num_instances) % 2 == 0
    rng = np.random.default_rng(3)
    right = np.where(is_hard, rng.random((num_realisations, num_instances)) < 0.2, True)
    measured = METRICS["accuracy"].measure(right.tolist(), [True] * num_instances)
    each = right.mean(0)
    half = 1.96 * each.std(ddof=1) / math.sqrt(num_instances)
    assert measured.value == pytest.approx(right.mean())
    assert measured.low == pytest.approx(right.mean() - half, abs=0.15 * half)
    assert measured.high == pytest.approx(right.mean() + half, abs=0.15 * half)
    same = METRICS["accuracy"].measure([right[0].tolist()] * 20, [True] * num_instances)
    once = METRICS["accuracy"].measure([right[0].tolist()], [True] * num_instances)
    assert (same.low, same.high) == pytest.approx(
        (once.low, once.high), abs=1e-9
    )  # what repeats adds nothing
    perfect = METRICS["accuracy"].measure([["a"] * 61] * 20, ["a"] * 61)
    assert (perfect.low, perfect.high) == (pytest.approx(0.9408, abs=1e-3), 1.0)
    said = [["a b c d e", "a b c d e"], ["a b c d", "a b c d e"], ["", "a b"]]
    true = ["a b c d e", "a b c d e"]
    mean = np.mean([_value("word_accuracy", own, true) for own in said])
    assert METRICS["word_accuracy"].measure(said, true).value == pytest.approx(mean)
    with pytest.raises(ValueError, match="predictions for"):
        METRICS["accuracy"].measure([["a", "b"], ["a"]], ["a", "b"])


@pytest.mark.parametrize("name", ["bleu_4", "word_accuracy"])
def test_intervals_of_texts_hold_the_value_and_repeat(name: str) -> None:
    rng = np.random.default_rng(2)
    words = ["we", "are", "glad", "to", "be", "here", "and", "to", "say", "so", "today"]
    true = [" ".join(rng.permutation(words)) for _ in range(30)]
    said = [text if rng.random() < 0.6 else text.replace("to ", "") for text in true]
    first = METRICS[name].measure([said], true)
    assert first.low < first.value < first.high
    assert METRICS[name].measure([said], true) == first


@pytest.mark.parametrize("name", list(METRICS))
def test_other_lengths_are_refused(name: str) -> None:
    for predictions, targets in ((["a"], ["a", "b"]), ([], [])):
        with pytest.raises(ValueError, match="predictions for"):
            METRICS[name].measure([predictions], targets)


@pytest.mark.parametrize(("split", "expected"), [("validation", 0.440), ("test", 0.463)])
def test_what_two_genres_for_every_film_reach(data_folder: object, split: str, expected: float) -> None:
    films = load_examples("movie_genres", split)
    true = films.targets[:, [films.labels.index(genre) for genre in films.scored_labels]]
    always = multi_hot([{"Drama", "Comedy"}] * len(films), films.scored_labels)
    right = true[:, :2].sum()  # the two commonest come first
    assert _value("micro_f1", always, true) == pytest.approx(2 * right / (2 * len(films) + true.sum()))
    assert _value("micro_f1", always, true) == pytest.approx(expected, abs=0.001)
