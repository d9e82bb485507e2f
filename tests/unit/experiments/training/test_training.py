"""Algorithm 1 on data small enough to learn in seconds, and Algorithm 2 on what came of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_runs import QUIET, TASKS, small_recipe, start_small

from channel_service.radio.channels import Channel
from experiments.evaluation.evaluate import evaluate
from experiments.evaluation.link import SemanticLink
from experiments.training.checkpoints import export
from experiments.training.optimisers import rate_factor
from experiments.training.recipes import Recipe, TaskRecipe
from experiments.training.train import make_batch, planned_steps, train, train_step
from shared.errors import InvalidField


@pytest.mark.usefixtures("small_data")
def test_a_run_resumes_to_the_step(tmp_path: Path) -> None:
    recipe = replace(small_recipe(), dropout=0.1)
    whole = start_small(recipe)
    train(whole, tmp_path / "whole", QUIET)
    first = start_small(recipe)
    train(first, tmp_path / "parts", QUIET, limit_steps=7)
    second = start_small(recipe, seed=0)
    train(second, tmp_path / "parts", QUIET)
    assert second.done == whole.done == dict.fromkeys(TASKS, 6)
    for half, network in whole.system.halves.items():
        resumed = second.system.halves[half].state_dict()
        for name, value in network.state_dict().items():
            assert torch.equal(resumed[name], value), name


@pytest.mark.usefixtures("small_data")
def test_every_kind_of_answer_is_learnt(tmp_path: Path) -> None:
    """Labels, sentences, pictures, transcripts, several labels, clips; measured on unseen data."""
    steps = {"text_reconstruction": 100, "image_reconstruction": 120, "speech_recognition": 500}
    steps |= {"video_classification": 40, "movie_genres": 90, "image_classification": 60}
    changes: dict[str, dict[str, Any]] = {
        "movie_genres": {"opens_at": 0.5},
        # In larger steps its attention makes all tokens one before CTC has found where anything is said.
        "speech_recognition": {"part_rates": {"encoders.audio.layers": 3e-4}},
    }
    recipe = Recipe(
        {
            task: TaskRecipe(steps=count, batch=12, learning_rate=3e-3, **changes.get(task, {}))
            for task, count in steps.items()
        }
    )
    run = start_small(recipe)
    train(run, tmp_path / "run", QUIET)
    manifest = export(run, tmp_path / "weights" / "mfmsc")
    found: dict[tuple[str, str], float] = {}
    send = SemanticLink.load(tmp_path / "weights", "mfmsc").send
    for task in recipe.tasks:
        for scored in evaluate(task, [Channel(snr_db=18.0)], manifest=manifest, send=send):
            figure = scored.figure
            found[task, figure.metric] = figure.value
            assert figure.low <= figure.value <= figure.high
            assert (figure.split, figure.config["profile"]) == ("test", "tiny")
            assert abs(figure.realised_snr_db - 18.0) < 1.0
    assert found["text_reconstruction", "bleu_4"] >= 0.9
    assert found["image_reconstruction", "psnr_db"] >= 18.0  # the noise in the pictures is 26 dB below
    assert found["speech_recognition", "word_accuracy"] >= 0.9
    assert found["video_classification", "accuracy"] >= 0.9
    assert found["image_classification", "accuracy"] >= 0.9
    assert found["movie_genres", "micro_f1"] >= 0.8  # the best guess at all films alike reaches two thirds
    other = replace(manifest, labels={"image_classification": ("red", "blue", "green")})
    with pytest.raises(InvalidField, match="dataset.*red, green, blue"):
        evaluate("image_classification", [Channel()], manifest=other, send=send)


@pytest.mark.usefixtures("small_data")
def test_a_task_leaves_its_frozen_parts_alone_and_steps_others_at_its_own_rate(tmp_path: Path) -> None:
    of_vqa = TaskRecipe(
        steps=2,
        batch=8,
        learning_rate=2e-3,
        frozen=("encoders.text",),
        part_rates={"encoders.image.coarse": 1e-4, "encoders.image": 1e-5},
    )
    run = start_small(Recipe({"vqa": of_vqa}))
    before = {name: value.clone() for name, value in run.system.transmitter.state_dict().items()}
    train(run, tmp_path, QUIET)
    changed = {
        n for n, value in run.system.transmitter.state_dict().items() if not torch.equal(value, before[n])
    }
    assert not [name for name in changed if name.startswith("encoders.text")]
    assert {"encoders.image.stem.0.weight", "fusion.segment.text"} <= changed
    peaks = {
        id(parameter): group["peak"]
        for group in run.optimisers["vqa"].param_groups
        for parameter in group["params"]
    }
    names = dict(run.system.transmitter.named_parameters())
    assert peaks[id(names["encoders.image.coarse.weight"])] == 1e-4
    assert peaks[id(names["encoders.image.stem.0.weight"])] == 1e-5
    assert peaks[id(names["fusion.segment.text"])] == 2e-3


@pytest.mark.usefixtures("small_data")
def test_tasks_are_drawn_by_the_steps_they_have_left() -> None:
    recipe = Recipe(
        {
            "sentiment": TaskRecipe(steps=300, batch=8),
            "image_classification": TaskRecipe(steps=100, batch=8),
            "vqa": TaskRecipe(steps=100, batch=8, opens_at=0.2),
        }
    )
    run = start_small(recipe)
    plan = list(planned_steps(run))
    drawn = [task for task, _ in plan]
    assert [step for task, step in plan if task == "vqa"] == list(range(100))
    assert {task: drawn.count(task) for task in recipe.tasks} == {t: r.steps for t, r in recipe.tasks.items()}
    assert drawn.index("vqa") >= 100
    early = drawn[:100].count("sentiment")
    assert 60 <= early <= 90  # three in four


def test_learning_rate_rises_then_falls() -> None:
    rates = [rate_factor(step, 100, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert int(np.argmax(rates)) == 9
    assert rates[-1] == pytest.approx(0.01)


@pytest.mark.usefixtures("small_data")
def test_the_first_task_that_trains_the_picture_encoder_sets_its_statistics() -> None:
    recipe = small_recipe()
    name = "encoders.image.stem.1.running_mean"
    frozen = {**recipe.tasks, "image_classification": replace(recipe.tasks["vqa"], frozen=("encoders",))}
    for tasks, setter in ((recipe.tasks, "image_classification"), (frozen, "vqa")):
        run = start_small(Recipe(tasks))
        statistics = dict(run.system.transmitter.named_buffers())
        for task in ("vqa", "image_classification"):
            before = statistics[name].clone()
            train_step(run, task, *make_batch(run, task, 0))
            assert torch.equal(statistics[name], before) is (task != setter), (task, setter)
