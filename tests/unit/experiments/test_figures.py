"""Guessers and model cards."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_data import small_examples

from experiments.baselines import guesser, guesser_accuracy
from experiments.datasets import load_examples
from experiments.measures import measures_of
from experiments.model_card import write_model_card
from receiver.systems.base import TaskAnswer
from shared.checkpoint import load_manifest
from shared.errors import InvalidField


def test_commonest_label() -> None:
    test = small_examples("image_classification", "test")
    assert guesser_accuracy(test) == np.bincount(test.targets).max() / len(test)


@pytest.mark.usefixtures("small_data")
def test_the_best_labels_for_everything() -> None:
    """In six films of seven a genre holds; guessing all of them finds each, and is wrong for the rest."""
    films = small_examples("movie_genres", "test")
    (micro, *_) = measures_of(films)
    found = guesser(films, micro)
    always = np.ones_like(films.targets)
    expected = max(
        2 * (films.targets * always[:, :1] * kept).sum() / (films.targets.sum() + kept.sum() * len(films))
        for kept in np.eye(3)[[0, 1, 2]].tolist() + [[1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]]
        for kept in [np.array(kept)]
    )
    assert found == pytest.approx(expected, abs=0.05)
    pictures = small_examples("image_reconstruction", "test")
    assert guesser(pictures, measures_of(pictures)[0]) is None


def test_ten_answers_to_a_question_count_in_thirds() -> None:
    """Nine of ten say red: 1. Two of ten say blue: 2/3, or 1/3 where one of the two is left out."""
    people = [("red",) * 9 + ("blue",), ("blue",) * 2 + ("red",) * 8]
    examples = replace(small_examples("vqa", "test"), human_answers=people)
    (measure,) = measures_of(examples)
    found = measure(examples, [0, 1], [TaskAnswer(labels=("red",)), TaskAnswer(labels=("blue",))])
    assert measure.name == "vqa_accuracy"
    assert found.value == pytest.approx((1 + (8 * 2 / 3 + 2 * 1 / 3) / 10) / 2)


@pytest.mark.usefixtures("small_data")
def test_question_alone() -> None:
    """Two of three colours asked about are not the picture's: "no" is right for them."""
    assert guesser_accuracy(small_examples("vqa", "test")) == pytest.approx(2 / 3)


def test_easy_vqa_guesser_is_the_known_one(data_folder: Path) -> None:
    assert guesser_accuracy(load_examples("vqa", "test")) == pytest.approx(0.670, abs=0.001)


def _figure(fingerprint: str, **changes: Any) -> dict[str, Any]:
    row = {
        "task": "vqa", "dataset": "easy-vqa", "split": "test", "channel": "awgn", "fading": "block",
        "snr_db": 12.0,
        "metric": "accuracy", "value": 0.5, "num_instances": 10, "channel_uses": 16.0, "seed": 0,
        "commit": "abc", "fingerprint": fingerprint, "guesser": 0.25,
    }  # fmt: skip
    return {**row, **changes}


def test_card_holds_the_figures_it_was_given(tiny_weights: Path, tmp_path: Path) -> None:
    import json
    import shutil

    folder = tmp_path / "mfmsc"
    shutil.copytree(tiny_weights / "mfmsc", folder)
    fields = json.loads((folder / "manifest.json").read_text())
    fields["training"] = {
        "command": "semcom train", "hours": 1, "device": "cpu", "steps": {"vqa": 5},
        "datasets": {"vqa": "easy-vqa"},
        "segments": [{"from_step": 0, "commit": "abc", "planned_steps": {"vqa": 5}}],
        "started_from": [{"fingerprint": "beef", "parts": ["fusion"], "share": 0.5}],
        "lineage": {
            "beef": {"command": "semcom train --seed 7", "hours": 2, "steps": {}, "started_from": []}
        },
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(fields))
    mark = load_manifest(folder).fingerprint
    text = write_model_card(
        folder,
        [
            _figure(mark),
            _figure(mark, snr_db=-6.0, value=0.25),
            _figure(mark, dataset="vqa-v2", num_realisations=20),
        ],
        "Notes.",
    ).read_text()
    assert "| vqa | easy-vqa (test) | 10 | 16 | accuracy | 0.2500 | 0.2500 | 0.5000 |" in text
    assert "| vqa | vqa-v2 (test) | 10 x 20 | 16 | accuracy |" in text
    assert "Notes." in text
    assert "from weights beef (fusion, 0.5 of a mean): `semcom train --seed 7`, 2 hours" in text
    with pytest.raises(InvalidField, match="figures of weights"):
        write_model_card(folder, [_figure("someone else's")], "")
