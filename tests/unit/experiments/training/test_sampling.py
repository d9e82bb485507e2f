"""Batches of a training split: which instances, in which order."""

from __future__ import annotations

import numpy as np
import torch
from small_data import small_examples

from experiments.training.recipes import TaskRecipe
from experiments.training.sampling import Sampler
from systems.layers.profiles import get_profile
from systems.layers.text import SPECIAL, Vocabulary
from systems.mfmsc.training import Mfmsc


def _sampler(task: str, batch: int = 8, *, short_first: bool = False) -> Sampler:
    letters = "abcdefghijklmnopqrstuvwxyz.?"
    vocabulary = Vocabulary([*SPECIAL, *letters, *("##" + letter for letter in letters)], 32)
    recipe = TaskRecipe(steps=1, batch=batch, short_first=short_first)
    return Sampler(
        small_examples(task, "train"), recipe, get_profile("tiny"), vocabulary, Mfmsc.speech, seed=3
    )


def test_a_batch_is_a_function_of_its_step() -> None:
    one, other = _sampler("vqa"), _sampler("vqa")
    for step in (0, 5, 1, 13):
        (first, targets), (second, same) = one.batch(step), other.batch(step)
        assert torch.equal(first.inputs["image"][0], second.inputs["image"][0])
        assert torch.equal(targets[0], same[0])


def test_questions_about_a_picture_travel_together() -> None:
    batch, (targets,) = _sampler("vqa").batch(0)
    assert len(batch.inputs["image"][0]) == 8
    assert len(targets) == len(batch.rows["image"]) == 24
    assert len(batch.inputs["text"][0]) == 3
    assert int(targets.sum()) == 8  # one right colour a picture


def test_few_questions_of_a_picture_are_drawn_anew_each_step() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz?"
    vocabulary = Vocabulary([*SPECIAL, *letters, *("##" + letter for letter in letters)], 32)
    recipe = TaskRecipe(steps=1, batch=8, questions_a_picture=2)
    sampler = Sampler(
        small_examples("vqa", "train"), recipe, get_profile("tiny"), vocabulary, Mfmsc.speech, seed=3
    )
    batch, (targets,) = sampler.batch(0)
    assert len(batch.inputs["image"][0]) == 8
    assert len(targets) == 16
    assert torch.bincount(batch.rows["image"]).tolist() == [2] * 8


def test_an_epoch_shows_every_instance_once() -> None:
    sampler = _sampler("image_classification")
    seen = torch.cat([sampler.batch(step)[0].inputs["image"][0] for step in range(sampler.steps_per_epoch)])
    assert len(torch.unique(seen.flatten(1), dim=0)) == 48


def test_texts_of_like_length_share_a_batch() -> None:
    sampler = _sampler("sentiment")
    spreads = []
    for step in range(sampler.steps_per_epoch):
        lengths = sampler.batch(step)[0].inputs["text"][1].sum(1)
        spreads.append(int(lengths.max() - lengths.min()))
    assert np.mean(spreads) <= 2


def test_the_first_epoch_may_go_from_short_to_long() -> None:
    whole = _sampler("sentiment")
    sampler = _sampler("sentiment", short_first=True)
    lengths = [
        [
            float(own.batch(step)[0].inputs["text"][1].sum(1).float().mean())
            for step in range(own.steps_per_epoch)
        ]
        for own in (whole, sampler)
    ]
    assert lengths[1] == sorted(lengths[1])
    assert lengths[0] != sorted(lengths[0])
