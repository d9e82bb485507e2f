"""Runs go on from a checkpoint of the same run, or from earlier weights, and from no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_runs import QUIET, SYSTEM, small_recipe, start_small

from experiments.training.checkpoints import CHECKPOINT_FILE, export, load_checkpoint, save_checkpoint
from experiments.training.recipes import Recipe, TaskRecipe
from experiments.training.run import Run, start_run
from experiments.training.train import train
from shared.errors import InvalidField
from shared.weights import load_manifest
from systems.layers.profiles import get_profile


@pytest.mark.usefixtures("small_data")
def test_a_checkpoint_is_resumed_only_by_the_same_run(tmp_path: Path) -> None:
    recipe = small_recipe()
    save_checkpoint(start_small(recipe), tmp_path)
    slower = replace(recipe, tasks={**recipe.tasks, "vqa": replace(recipe.tasks["vqa"], learning_rate=1e-4)})
    fewer = Recipe({"vqa": recipe.tasks["vqa"]})
    for run, differing in (
        (start_small(recipe, seed=1), r"the same seed\b"),
        (start_small(slower), r"the same recipe\.tasks\.vqa\.learning_rate\b"),
        (start_small(fewer), r"the same recipe\.tasks\.sentiment\.steps\b"),
        (start_small(replace(recipe, part_rates={"encoders": 1e-4})), r"recipe\.part_rates\.encoders\b"),
        (start_small(replace(recipe, rayleigh_share=1.0)), r"recipe\.rayleigh_share\b"),
    ):
        with pytest.raises(InvalidField, match=differing):
            load_checkpoint(run, tmp_path)


@pytest.mark.usefixtures("small_data")
def test_a_field_that_a_stored_recipe_lacks_counts_as_its_default(tmp_path: Path) -> None:
    save_checkpoint(start_small(small_recipe()), tmp_path)
    state = torch.load(tmp_path / CHECKPOINT_FILE, weights_only=True)
    recipe = state["identity"]["recipe"]
    del recipe["dropout"], recipe["tasks"]["vqa"]["augment"]
    torch.save(state, tmp_path / CHECKPOINT_FILE)
    load_checkpoint(start_small(small_recipe()), tmp_path)
    with pytest.raises(InvalidField, match=r"the same recipe\.dropout'?"):
        load_checkpoint(start_small(replace(small_recipe(), dropout=0.1)), tmp_path)


@pytest.mark.usefixtures("small_data")
def test_a_resumed_run_keeps_its_command_and_names_every_commit_that_trained_it(tmp_path: Path) -> None:
    def go_on(command: str, commit: str, limit_steps: int) -> Run:
        run = start_small(small_recipe(steps=1), command=command)
        run.commits = [commit]
        train(run, tmp_path / "run", QUIET, limit_steps=limit_steps)
        return run

    go_on("semcom train --limit-steps 2", "first", 2)
    go_on("semcom train", "second", 5)
    training = export(go_on("semcom train", "third", 1), tmp_path / "weights").training
    assert training["command"] == "semcom train --limit-steps 2"
    assert training["commits"] == ["first", "second"]  # the third found nothing left to do
    assert training["recipe"]["tasks"]["vqa"]["steps"] == 1


@pytest.mark.usefixtures("small_data")
def test_weights_name_their_system_and_the_words_of_its_transcripts(tmp_path: Path) -> None:
    run = start_small(Recipe({"speech_recognition": TaskRecipe(steps=1, batch=2)}))
    manifest = export(run, tmp_path)
    assert manifest.system == SYSTEM
    assert manifest.config["words"] == {"speech_recognition": ["hi", "lo"]}
    assert load_manifest(tmp_path).config == manifest.config


@pytest.mark.usefixtures("small_data")
def test_a_run_goes_on_from_earlier_weights(tmp_path: Path) -> None:
    """What the earlier weights hold is copied; a new task's head begins at random."""
    recipe = small_recipe()
    first = start_small(Recipe({task: recipe.tasks[task] for task in ("sentiment", "vqa")}))
    earlier_manifest = export(first, tmp_path)
    later, fresh = start_small(recipe, seed=1, start_from=tmp_path), start_small(recipe, seed=1)
    state, random, earlier = (
        {**run.system.transmitter.state_dict(), **run.system.receiver.state_dict()}
        for run in (later, fresh, first)
    )
    for name in ("heads.vqa.linear.weight", "fusion.segment.text", "encoders.image.coarse.bias"):
        torch.testing.assert_close(state[name], earlier[name], rtol=0.01, atol=1e-3)
        assert not torch.equal(state[name], random[name])
    head = "heads.image_classification.linear.weight"
    assert torch.equal(state[head], random[head])
    assert later.started_from == earlier_manifest.fingerprint
    save_checkpoint(later, tmp_path)
    with pytest.raises(InvalidField, match="the same started_from"):
        load_checkpoint(fresh, tmp_path)


@pytest.mark.usefixtures("small_data")
def test_a_head_of_other_labels_is_not_copied(tmp_path: Path) -> None:
    recipe = small_recipe()
    first = start_small(recipe)
    first.samplers["image_classification"].labels = ("blue", "green", "red")
    export(first, tmp_path)
    later, fresh = start_small(recipe, seed=1, start_from=tmp_path), start_small(recipe, seed=1)
    heads = [run.system.receiver.state_dict() for run in (later, fresh)]
    name = "heads.image_classification.linear.weight"
    assert torch.equal(heads[0][name], heads[1][name])
    assert not torch.equal(heads[0]["heads.vqa.linear.weight"], heads[1]["heads.vqa.linear.weight"])


@pytest.mark.usefixtures("small_data")
def test_earlier_weights_of_another_profile_are_refused(tiny_weights: Path) -> None:
    with pytest.raises(InvalidField, match="start-from"):
        start_run(
            SYSTEM,
            get_profile("compact"),
            small_recipe(),
            seed=0,
            device=torch.device("cpu"),
            start_from=tiny_weights / "mfmsc",
        )
