"""Runs that go on from earlier weights, from parts of several, or from a mean of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_runs import QUIET, TASKS, small_recipe, start_small

from experiments.training.checkpoints import export
from experiments.training.recipes import Recipe, TaskRecipe, get_recipe, scaled
from experiments.training.run import start_run
from experiments.training.train import train
from experiments.training.warm_start import Origin
from shared.errors import InvalidField
from shared.networks.profiles import get_profile
from shared.weights import load_manifest


@pytest.mark.usefixtures("small_data")
def test_a_run_goes_on_from_earlier_weights(tmp_path: Path) -> None:
    """What the earlier weights hold is taken over; a new task's head is not."""
    recipe = small_recipe()
    first = start_small(Recipe({task: recipe.tasks[task] for task in ("sentiment", "vqa")}))
    train(first, tmp_path / "first", QUIET)
    export(first, tmp_path / "weights" / "mfmsc")
    later = start_small(recipe, seed=1, earlier=[str(tmp_path / "weights" / "mfmsc")])
    fresh = start_small(recipe, seed=1)
    state, random, earlier = (
        {**run.transmitter.state_dict(), **run.receiver.state_dict()} for run in (later, fresh, first)
    )
    for name in ("heads.vqa.linear.weight", "fusion.segment.weight", "encoders.image.coarse.bias"):
        torch.testing.assert_close(state[name], earlier[name], rtol=0.01, atol=1e-3)
        assert not torch.equal(state[name], random[name])
    assert torch.equal(
        state["heads.image_classification.linear.weight"], random["heads.image_classification.linear.weight"]
    )
    export(later, tmp_path / "later")
    training = json.loads((tmp_path / "later" / "manifest.json").read_text())["training"]
    (origin,) = training["started_from"]
    assert training["lineage"][origin["fingerprint"]]["steps"] == {"sentiment": 6, "vqa": 6}


@pytest.mark.usefixtures("small_data")
def test_each_earlier_training_is_told_once(tmp_path: Path) -> None:
    """However many runs went on from it: a mean of two that share a past holds three trainings."""
    ancestor = export(start_small(small_recipe(), seed=1), tmp_path / "ancestor")
    manifests = {
        name: export(start_small(small_recipe(), seed=seed, earlier=[f"{tmp_path}/{start}"]), tmp_path / name)
        for name, seed, start in (("left", 2, "ancestor=fusion"), ("right", 3, "ancestor=encoders"))
    }
    mean = start_small(small_recipe(), earlier=[f"{tmp_path}/left", f"{tmp_path}/right=fusion@0.5"])
    parents = [manifests["left"].fingerprint, manifests["right"].fingerprint]
    assert set(mean.lineage) == {ancestor.fingerprint, *parents}
    assert [origin["fingerprint"] for origin in mean.started_from] == parents
    for name in parents:
        (origin,) = mean.lineage[name]["started_from"]
        assert origin["fingerprint"] == ancestor.fingerprint
        assert "lineage" not in mean.lineage[name]


@pytest.mark.usefixtures("small_data")
def test_known_words_are_those_of_the_training_that_the_head_is_of(tmp_path: Path) -> None:
    def known(steps: int, *earlier: str) -> tuple[str, ...]:
        recipe = Recipe({"speech_recognition": TaskRecipe(steps=steps, batch=2)})
        return start_small(recipe, earlier=earlier).words["speech_recognition"]

    recipe = Recipe({"speech_recognition": TaskRecipe(steps=1, batch=2)})
    own = known(1)
    assert len(own) == len(set(own)) > 1
    first = start_small(recipe)
    first.words = {"speech_recognition": ("hum", "whistle")}
    weights = export(first, tmp_path / "first")
    assert weights.words == first.words
    assert load_manifest(tmp_path / "first") == weights
    assert known(0, f"{tmp_path}/first") == ("hum", "whistle")
    export(start_small(recipe), tmp_path / "second")
    assert known(0, f"{tmp_path}/first", f"{tmp_path}/second=encoders") == ("hum", "whistle")
    assert known(0, f"{tmp_path}/first", f"{tmp_path}/second=encoders,heads.speech_recognition") == own
    assert known(1, f"{tmp_path}/first") == own


@pytest.mark.usefixtures("small_data")
def test_a_run_takes_parts_of_several_earlier_weights(tmp_path: Path) -> None:
    """The last that names a part wins; a part that no one has is refused."""
    first, second = start_small(small_recipe(), seed=1), start_small(small_recipe(), seed=2)
    for name, run in (("first", first), ("second", second)):
        export(run, tmp_path / name)
    joined = start_small(
        small_recipe(), seed=3, earlier=[f"{tmp_path}/first", f"{tmp_path}/second=encoders.image, heads.vqa"]
    )
    state, own_first, own_second = (
        {**run.transmitter.state_dict(), **run.receiver.state_dict()} for run in (joined, first, second)
    )
    for name, origin in (
        ("fusion.segment.weight", own_first),
        ("heads.sentiment.linear.weight", own_first),
        ("encoders.image.coarse.weight", own_second),
        ("heads.vqa.linear.weight", own_second),
    ):
        torch.testing.assert_close(state[name], origin[name], rtol=0.01, atol=2e-3)
    with pytest.raises(InvalidField, match="encoders.smell"):
        start_small(small_recipe(), earlier=[f"{tmp_path}/first=encoders.smell"])


@pytest.mark.usefixtures("small_data")
def test_a_part_that_nothing_trains_must_be_in_earlier_weights(tmp_path: Path) -> None:
    """Weights of another network lack it; it would stay as random as it began."""
    export(start_small(small_recipe()), tmp_path / "earlier")
    lacking = f"{tmp_path}/earlier=encoders.text,fusion,task_embedding,channel,heads"
    frozen = replace(small_recipe(), frozen=("encoders.image.stem",))
    with pytest.raises(InvalidField, match=r"encoders\.image\.stem' is not allowed"):
        start_small(frozen, earlier=[lacking])
    start_small(frozen, earlier=[f"{tmp_path}/earlier"])
    start_small(small_recipe(), earlier=[lacking])  # here they are trained


@pytest.mark.usefixtures("small_data")
def test_a_part_is_not_replaced_by_less_of_it(tmp_path: Path) -> None:
    export(start_small(small_recipe()), tmp_path / "whole")
    less = start_small(small_recipe())
    del less.receiver.heads["sentiment"].linear.bias
    less.receiver.heads["sentiment"].linear.bias = None
    export(less, tmp_path / "less")
    with pytest.raises(InvalidField, match=r"heads\.sentiment\.linear\.bias"):
        start_small(small_recipe(), earlier=[f"{tmp_path}/whole", f"{tmp_path}/less=heads.sentiment"])
    start_small(small_recipe(), earlier=[f"{tmp_path}/less=heads.sentiment", f"{tmp_path}/whole"])
    start_small(small_recipe(), earlier=[f"{tmp_path}/less=heads.sentiment"])  # it is trained, from random


@pytest.mark.usefixtures("small_data")
def test_a_run_starts_from_a_mean_of_earlier_weights(tmp_path: Path) -> None:
    first, second = start_small(small_recipe(), seed=1), start_small(small_recipe(), seed=2)
    for name, run in (("first", first), ("second", second)):
        export(run, tmp_path / name)
    earlier = [f"{tmp_path}/first", f"{tmp_path}/second=encoders.image@0.25"]
    joined = start_small(small_recipe(), seed=3, earlier=earlier)
    states = [run.transmitter.state_dict() for run in (joined, first, second)]
    for name, share in (("encoders.image.coarse.weight", 0.25), ("fusion.segment.weight", 0.0)):
        mean, one, other = (state[name] for state in states)
        torch.testing.assert_close(mean, one.lerp(other, share), rtol=0.01, atol=2e-3)
    assert [origin["share"] for origin in joined.started_from] == [1.0, 0.25]
    for share in ("0", "1.5", "half"):
        with pytest.raises(InvalidField, match="share"):
            Origin.parse(f"{tmp_path}/second=encoders.image@{share}")


@pytest.mark.usefixtures("small_data")
def test_a_fused_task_goes_on_alone_and_others_answer_as_before(tmp_path: Path) -> None:
    parts = get_recipe("compact-fusion").tasks["vqa"].frozen
    alone = {task: TaskRecipe(steps=0, batch=8) for task in TASKS}
    alone["vqa"] = TaskRecipe(steps=3, batch=8, learning_rate=2e-3, frozen=parts)
    recipe = scaled(Recipe(alone), 0.9)
    with pytest.raises(InvalidField, match="sentiment, image_classification"):
        start_small(recipe)  # they would answer with noise
    export(start_small(small_recipe()), tmp_path / "earlier")
    run = start_small(recipe, earlier=[f"{tmp_path}/earlier"])
    before = {n: value.clone() for half in run.halves.values() for n, value in half.state_dict().items()}
    train(run, tmp_path, QUIET)
    assert run.done == {"sentiment": 0, "image_classification": 0, "vqa": 3}
    after = {n: value for half in run.halves.values() for n, value in half.state_dict().items()}
    changed = {name for name, value in before.items() if not torch.equal(after[name], value)}
    assert {"fusion.segment.weight", "heads.vqa.linear.weight"} <= changed
    assert all(name.startswith(("fusion.", "heads.vqa.")) for name in changed)


@pytest.mark.usefixtures("small_data")
def test_a_run_folder_is_taken_up_only_with_the_start_and_tasks_it_has(tmp_path: Path) -> None:
    for seed in (1, 2):
        export(start_small(small_recipe(), seed=seed), tmp_path / str(seed))
    begun = start_small(small_recipe(), earlier=[f"{tmp_path}/1"], command="semcom train --limit-steps 2")
    train(begun, tmp_path / "run", QUIET, limit_steps=2)
    for earlier in ([], [f"{tmp_path}/2"], [f"{tmp_path}/1=fusion"]):
        with pytest.raises(InvalidField, match="start-from"):
            train(start_small(small_recipe(), earlier=earlier), tmp_path / "run", QUIET)
    fewer = Recipe({task: small_recipe().tasks[task] for task in TASKS[:2]})
    with pytest.raises(InvalidField, match="tasks"):
        train(start_small(fewer, earlier=[f"{tmp_path}/1"]), tmp_path / "run", QUIET, new_recipe=True)
    resumed = start_small(small_recipe(), earlier=[f"{tmp_path}/1"], command="semcom train")
    train(resumed, tmp_path / "run", QUIET, limit_steps=1)
    steps = [(segment["from_step"], segment["command"]) for segment in resumed.segments]
    assert steps == [(0, "semcom train --limit-steps 2"), (2, "semcom train")]
    training = export(resumed, tmp_path / "resumed").training
    assert training["command"] == "semcom train --limit-steps 2"


@pytest.mark.usefixtures("small_data")
def test_earlier_weights_of_another_profile_are_refused(tiny_weights: Path) -> None:
    with pytest.raises(InvalidField, match="start-from"):
        start_run(
            get_profile("compact"),
            small_recipe(),
            seed=0,
            device=torch.device("cpu"),
            earlier=[Origin(tiny_weights / "mfmsc")],
        )
