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
def test_the_same_run_gives_the_same_losses_and_weights(tmp_path: Path) -> None:
    recipe = replace(small_recipe(steps=3), dropout=0.1)
    losses, marks = [], []
    for place in ("one", "other"):
        run = start_small(recipe)
        plan = list(planned_steps(run))
        losses.append([float(train_step(run, task, *make_batch(run, task, step))[0]) for task, step in plan])
        marks.append(export(run, tmp_path / place).fingerprint)
    assert len(losses[0]) == 9
    assert losses[0] == losses[1]
    assert marks[0] == marks[1]
    other = start_small(recipe, seed=1)
    assert export(other, tmp_path / "seed-1").fingerprint != marks[0]


@pytest.mark.usefixtures("small_data")
def test_joint_training_learns_and_is_measured_on_other_data(tmp_path: Path) -> None:
    recipe = Recipe(
        {
            "sentiment": TaskRecipe(steps=100, batch=16, learning_rate=3e-3),
            "image_classification": TaskRecipe(steps=100, batch=16, learning_rate=3e-3),
        }
    )
    run = start_small(recipe)
    train(run, tmp_path / "run", QUIET)
    manifest = export(run, tmp_path / "weights" / "mfmsc")
    send = SemanticLink.load(tmp_path / "weights", "mfmsc").send
    for task in recipe.tasks:
        (scored,) = evaluate(task, [Channel(snr_db=12.0)], manifest=manifest, send=send)
        figure = scored.figure
        assert figure.value >= 0.9, task
        assert (figure.split, figure.metric, figure.channel_uses, figure.payload_bytes) == (
            "test", "accuracy", 16, 128,
        )  # fmt: skip
        assert abs(figure.realised_snr_db - 12.0) < 1.0
        assert figure.config["profile"] == "tiny"
    other = replace(manifest, labels={"image_classification": ("red", "blue", "green")})
    with pytest.raises(InvalidField, match="dataset.*red, green, blue"):
        evaluate("image_classification", [Channel()], manifest=other, send=send)


@pytest.mark.usefixtures("small_data")
def test_every_kind_of_answer_is_learnt(tmp_path: Path) -> None:
    """What no label head serves: sentences, pictures, transcripts, several labels, clips; on unseen data."""
    steps = {"text_reconstruction": 100, "image_reconstruction": 120, "speech_recognition": 500}
    steps |= {"video_classification": 40, "movie_genres": 90}
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
    found: dict[str, float] = {}
    send = SemanticLink.load(tmp_path / "weights", "mfmsc").send
    for task in recipe.tasks:
        for scored in evaluate(task, [Channel(snr_db=18.0)], manifest=manifest, send=send):
            figure = scored.figure
            found[figure.metric] = figure.value
            assert figure.low <= figure.value <= figure.high
    assert found["bleu_4"] >= 0.9
    assert found["psnr_db"] >= 18.0  # the noise in the pictures is 26 dB below their peak
    assert found["word_accuracy"] >= 0.9
    assert found["accuracy"] >= 0.9
    assert found["micro_f1"] >= 0.8  # the best guess at all films alike reaches two thirds


@pytest.mark.usefixtures("small_data")
def test_each_task_has_an_optimiser_of_its_own_over_its_own_parts() -> None:
    recipe = Recipe(
        small_recipe().tasks, part_rates={"encoders.text": 1e-5}, frozen=("encoders.text.bert.embeddings",)
    )
    run = start_small(recipe)
    of = {
        task: {id(p): group["peak"] for group in optimiser.param_groups for p in group["params"]}
        for task, optimiser in run.optimisers.items()
    }
    names = dict(run.system.transmitter.named_parameters())
    image = id(names["encoders.image.coarse.weight"])
    assert image not in of["sentiment"]
    assert of["vqa"][image] == of["image_classification"][image] == 2e-3
    text = id(names["encoders.text.bert.encoder.layer.0.output.dense.weight"])
    assert of["sentiment"][text] == 1e-5
    assert id(names["encoders.text.bert.embeddings.word_embeddings.weight"]) not in of["sentiment"]
    assert id(names["channel_encoder.compress.0.weight"]) in of["sentiment"].keys() & of["vqa"].keys()


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
