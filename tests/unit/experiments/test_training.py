"""Algorithm 1 on data small enough to learn in seconds, and Algorithm 2 on what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from small_data import small_examples

from channel_service.channels import Channel
from experiments.evaluate import evaluate, in_process
from experiments.inputs import TextInputs, blank_square, change_voice, flip_and_shift
from experiments.optimisers import rate_factor
from experiments.recipes import Recipe, TaskRecipe, get_recipe, scaled
from experiments.run import Run, start_run
from experiments.run_files import export
from experiments.sampling import Sampler
from experiments.train import planned_steps, train, train_step
from experiments.warm_start import Origin
from shared.errors import InvalidField
from shared.profiles import get_profile
from shared.text import SPECIAL, Vocabulary

QUIET = Console(quiet=True)
TASKS = ("sentiment", "image_classification", "vqa")


def _recipe(steps: int = 6) -> Recipe:
    return Recipe({task: TaskRecipe(steps=steps, batch=8, learning_rate=2e-3) for task in TASKS})


def _start(recipe: Recipe, seed: int = 0, earlier: Sequence[str] = ()) -> Run:
    origins = [Origin.parse(text) for text in earlier]
    return start_run(get_profile("tiny"), recipe, seed=seed, device=torch.device("cpu"), earlier=origins)


@pytest.mark.usefixtures("small_data")
@pytest.mark.parametrize("frozen", [(), ("encoders",)])
def test_a_run_resumes_to_the_step(frozen: tuple[str, ...], tmp_path: Path) -> None:
    recipe = _recipe()
    recipe = replace(recipe, tasks={n: replace(own, frozen=frozen) for n, own in recipe.tasks.items()})
    assert recipe.reads_once("vqa", "text") is bool(frozen)
    whole = _start(recipe)
    train(whole, tmp_path / "whole", QUIET)
    first = _start(recipe)
    train(first, tmp_path / "parts", QUIET, limit_steps=7)
    second = _start(recipe, seed=0)
    train(second, tmp_path / "parts", QUIET)
    assert second.done == whole.done == dict.fromkeys(TASKS, 6)
    for half in ("transmitter", "receiver"):
        resumed = getattr(second, half).state_dict()
        for name, value in getattr(whole, half).state_dict().items():
            assert torch.equal(resumed[name], value), name


@pytest.mark.usefixtures("small_data")
def test_joint_training_learns_and_is_measured_on_other_data(tmp_path: Path) -> None:
    recipe = Recipe(
        {
            "sentiment": TaskRecipe(steps=40, batch=16, learning_rate=3e-3),
            "image_classification": TaskRecipe(steps=40, batch=16, learning_rate=3e-3),
        }
    )
    run = _start(recipe)
    train(run, tmp_path / "run", QUIET)
    manifest = export(run, tmp_path / "weights" / "mfmsc")
    with in_process(tmp_path / "weights", "mfmsc") as send:
        for task in recipe.tasks:
            (figure,) = evaluate(task, [Channel(snr_db=12.0)], manifest=manifest, send=send)
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
def test_a_figure_of_several_realisations_is_their_mean(tmp_path: Path) -> None:
    manifest = export(_start(_recipe()), tmp_path / "mfmsc")
    with in_process(tmp_path, "mfmsc") as send:
        noisy = [Channel(snr_db=-6.0, seed=seed) for seed in (5, 6, 7)]
        each = evaluate("sentiment", noisy, manifest=manifest, send=send)
        mean, _ = evaluate(
            "sentiment", [noisy[0], Channel(snr_db=18.0)], manifest=manifest, send=send, num_realisations=3
        )
    assert (mean.seed, mean.num_realisations, mean.num_instances) == (5, 3, each[0].num_instances)
    assert mean.snr_db == -6.0
    for name in ("value", "low", "high", "realised_snr_db"):
        assert getattr(mean, name) == pytest.approx(np.mean([getattr(figure, name) for figure in each]))
    assert len({figure.value for figure in each}) > 1


@pytest.mark.usefixtures("small_data")
def test_every_kind_of_answer_is_learnt(tmp_path: Path) -> None:
    """What no label head serves: sentences, pictures, transcripts, several labels, clips; on unseen data."""
    steps = {"text_reconstruction": 60, "image_reconstruction": 120, "speech_recognition": 500}
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
    run = _start(recipe)
    train(run, tmp_path / "run", QUIET)
    manifest = export(run, tmp_path / "weights" / "mfmsc")
    found: dict[str, float] = {}
    with in_process(tmp_path / "weights", "mfmsc") as send:
        for task in recipe.tasks:
            for figure in evaluate(task, [Channel(snr_db=18.0)], manifest=manifest, send=send):
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
        _recipe().tasks, part_rates={"encoders.text": 1e-5}, frozen=("encoders.text.bert.embeddings",)
    )
    run = _start(recipe)
    of = {
        task: {id(p): group["peak"] for group in optimiser.param_groups for p in group["params"]}
        for task, optimiser in run.optimisers.items()
    }
    names = dict(run.transmitter.named_parameters())
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
    run = _start(Recipe({"vqa": of_vqa}))
    before = {name: value.clone() for name, value in run.transmitter.state_dict().items()}
    train(run, tmp_path, QUIET)
    changed = {n for n, value in run.transmitter.state_dict().items() if not torch.equal(value, before[n])}
    assert not [name for name in changed if name.startswith("encoders.text")]
    assert {"encoders.image.stem.0.weight", "fusion.segment.weight"} <= changed
    peaks = {
        id(parameter): group["peak"]
        for group in run.optimisers["vqa"].param_groups
        for parameter in group["params"]
    }
    names = dict(run.transmitter.named_parameters())
    assert peaks[id(names["encoders.image.coarse.weight"])] == 1e-4
    assert peaks[id(names["encoders.image.stem.0.weight"])] == 1e-5
    assert peaks[id(names["fusion.segment.weight"])] == 2e-3


@pytest.mark.usefixtures("small_data")
def test_a_run_that_goes_on_under_a_new_recipe_takes_its_rates(tmp_path: Path) -> None:
    train(_start(_recipe()), tmp_path, QUIET, limit_steps=3)
    slower = Recipe({task: replace(own, learning_rate=5e-4) for task, own in _recipe().tasks.items()})
    later = _start(slower)
    train(later, tmp_path, QUIET, limit_steps=1, new_recipe=True)
    for optimiser in later.optimisers.values():
        assert {group["peak"] for group in optimiser.param_groups} == {5e-4}
    regrouped = Recipe(slower.tasks, part_rates={"encoders": 1e-4})
    last = _start(regrouped)
    train(last, tmp_path, QUIET, limit_steps=1, new_recipe=True)
    assert sum(last.done.values()) == 5


@pytest.mark.usefixtures("small_data")
def test_tasks_are_drawn_by_the_steps_they_have_left() -> None:
    recipe = Recipe(
        {
            "sentiment": TaskRecipe(steps=300, batch=8),
            "image_classification": TaskRecipe(steps=100, batch=8),
            "vqa": TaskRecipe(steps=100, batch=8, opens_at=0.2),
        }
    )
    run = _start(recipe)
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


def _sampler(task: str, batch: int = 8, *, short_first: bool = False) -> Sampler:
    letters = "abcdefghijklmnopqrstuvwxyz.?"
    vocabulary = Vocabulary([*SPECIAL, *letters, *("##" + letter for letter in letters)], 32)
    recipe = TaskRecipe(steps=1, batch=batch, short_first=short_first)
    return Sampler(small_examples(task, "train"), recipe, get_profile("tiny"), vocabulary, seed=3)


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


@pytest.mark.usefixtures("small_data")
def test_tokens_of_an_encoder_that_stands_still_are_made_once_and_are_its_tokens() -> None:
    run = _start(_recipe())
    transmitter, sampler = run.transmitter.eval(), run.samplers["vqa"]
    before = [sampler.batch(step) for step in range(3)]
    with torch.no_grad():
        sent = [transmitter("vqa", batch)[0] for batch, _ in before]
        for modality in ("image", "text"):
            sampler.encode_once(modality, transmitter.encoders[modality])
            torch.nn.init.zeros_(next(transmitter.encoders[modality].parameters()))  # no longer of use
        for _ in range(2):
            for step, x in enumerate(sent):
                batch, targets = sampler.batch(step)
                torch.testing.assert_close(transmitter("vqa", batch)[0], x, atol=2e-3, rtol=0)
                assert torch.equal(targets[0], before[step][1][0])


@pytest.mark.usefixtures("small_data")
def test_dropped_tokens_are_others_each_time_and_never_all() -> None:
    run = _start(Recipe({"vqa": TaskRecipe(steps=1, batch=8, dropped_share=0.4)}))
    sampler = run.samplers["vqa"]
    (pixels,) = sampler.batch(0)[0].inputs["image"]
    whole = run.transmitter.encoders["image"](pixels).mask.sum(1)
    sampler.encode_once("image", run.transmitter.encoders["image"])
    counts = [sampler.batch(step)[0].inputs["image"][1].sum(1) for step in range(2 * sampler.steps_per_epoch)]
    kept = torch.cat(counts) / whole[0]
    assert float(kept.mean()) == pytest.approx(0.6, abs=0.1)
    assert 0 < kept.min() < kept.max() <= 1
    sampler = _start(Recipe({"vqa": TaskRecipe(steps=1, batch=8, dropped_share=1.0)})).samplers["vqa"]
    sampler.encode_once("image", run.transmitter.encoders["image"])
    assert set(sampler.batch(0)[0].inputs["image"][1].sum(1).tolist()) == {1}


def test_flips_and_shifts_keep_shape_and_content() -> None:
    pixels = torch.rand(6, 3, 32, 32)
    changed = flip_and_shift(pixels, torch.Generator().manual_seed(0))
    assert changed.shape == pixels.shape
    assert not torch.equal(changed, pixels)
    assert changed.min() >= pixels.min()
    assert changed.max() <= pixels.max()


def test_a_blank_square_is_a_quarter_of_the_side() -> None:
    pixels = torch.ones(5, 3, 32, 32)
    blanked = blank_square(pixels, torch.Generator().manual_seed(0))
    assert (blanked == 0).sum((1, 2, 3)).tolist() == [3 * 8 * 8] * 5


def test_a_changed_voice_has_another_pace_and_the_same_bins() -> None:
    features = torch.linspace(-2, 2, 80).expand(100, 80)
    changed = [change_voice(features, torch.Generator().manual_seed(seed)) for seed in range(20)]
    assert {own.shape[1] for own in changed} == {80}
    assert 85 <= min(len(own) for own in changed) < 95
    assert 105 < max(len(own) for own in changed) <= 115
    middles = [float(own[0, 40]) for own in changed]
    assert min(middles) < -0.1 < 0.1 < max(middles)  # a longer tract moves every formant down, a shorter up
    assert all(-2 <= float(own.min()) <= float(own.max()) <= 2 for own in changed)


def test_few_questions_of_a_picture_are_drawn_anew_each_step() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz?"
    vocabulary = Vocabulary([*SPECIAL, *letters, *("##" + letter for letter in letters)], 32)
    recipe = TaskRecipe(steps=1, batch=8, questions_a_picture=2)
    sampler = Sampler(small_examples("vqa", "train"), recipe, get_profile("tiny"), vocabulary, seed=3)
    batch, (targets,) = sampler.batch(0)
    assert len(batch.inputs["image"][0]) == 8
    assert len(targets) == 16
    assert torch.bincount(batch.rows["image"]).tolist() == [2] * 8


def test_a_share_of_the_pieces_is_replaced_and_marks_never() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    vocabulary = Vocabulary([*SPECIAL, "[unused0]", *letters, *("##" + letter for letter in letters)], 32)
    texts = ["a b c d e f g h i j"] * 200
    rows = np.arange(len(texts))
    plain, mask = TextInputs(texts, vocabulary).tensors(rows, torch.Generator())
    changed, same_mask = TextInputs(texts, vocabulary, replaced_share=0.25).tensors(
        rows, torch.Generator().manual_seed(0)
    )
    assert torch.equal(mask, same_mask)
    is_word = torch.isin(plain, torch.tensor(vocabulary.word_numbers))
    assert torch.equal(changed[~is_word], plain[~is_word])
    share = float((changed != plain)[is_word].float().mean())
    assert share == pytest.approx(0.25 * (1 - 1 / len(vocabulary.word_numbers)), abs=0.03)
    drawn = set(changed[changed != plain].tolist())
    assert drawn <= set(vocabulary.word_numbers)
    assert len(drawn) > 40


@pytest.mark.usefixtures("small_data")
def test_a_run_goes_on_from_earlier_weights(tmp_path: Path) -> None:
    """What the earlier weights hold is taken over; a new task's head is not."""
    recipe = _recipe()
    first = _start(Recipe({task: recipe.tasks[task] for task in ("sentiment", "vqa")}))
    train(first, tmp_path / "first", QUIET)
    export(first, tmp_path / "weights" / "mfmsc")
    later = _start(recipe, seed=1, earlier=[str(tmp_path / "weights" / "mfmsc")])
    fresh = _start(recipe, seed=1)
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
    ancestor = export(_start(_recipe(), seed=1), tmp_path / "ancestor")
    manifests = {
        name: export(_start(_recipe(), seed=seed, earlier=[f"{tmp_path}/{start}"]), tmp_path / name)
        for name, seed, start in (("left", 2, "ancestor=fusion"), ("right", 3, "ancestor=encoders"))
    }
    mean = _start(_recipe(), earlier=[f"{tmp_path}/left", f"{tmp_path}/right=fusion@0.5"])
    parents = [manifests["left"].fingerprint, manifests["right"].fingerprint]
    assert set(mean.lineage) == {ancestor.fingerprint, *parents}
    assert [origin["fingerprint"] for origin in mean.started_from] == parents
    for name in parents:
        (origin,) = mean.lineage[name]["started_from"]
        assert origin["fingerprint"] == ancestor.fingerprint
        assert "lineage" not in mean.lineage[name]


@pytest.mark.usefixtures("small_data")
def test_a_run_takes_parts_of_several_earlier_weights(tmp_path: Path) -> None:
    """The last that names a part wins; a part that no one has is refused."""
    first, second = _start(_recipe(), seed=1), _start(_recipe(), seed=2)
    for name, run in (("first", first), ("second", second)):
        export(run, tmp_path / name)
    joined = _start(
        _recipe(), seed=3, earlier=[f"{tmp_path}/first", f"{tmp_path}/second=encoders.image, heads.vqa"]
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
        _start(_recipe(), earlier=[f"{tmp_path}/first=encoders.smell"])


@pytest.mark.usefixtures("small_data")
def test_a_run_starts_from_a_mean_of_earlier_weights(tmp_path: Path) -> None:
    first, second = _start(_recipe(), seed=1), _start(_recipe(), seed=2)
    for name, run in (("first", first), ("second", second)):
        export(run, tmp_path / name)
    earlier = [f"{tmp_path}/first", f"{tmp_path}/second=encoders.image@0.25"]
    joined = _start(_recipe(), seed=3, earlier=earlier)
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
        _start(recipe)  # they would answer with noise
    export(_start(_recipe()), tmp_path / "earlier")
    run = _start(recipe, earlier=[f"{tmp_path}/earlier"])
    before = {n: value.clone() for half in run.halves.values() for n, value in half.state_dict().items()}
    train(run, tmp_path, QUIET)
    assert run.done == {"sentiment": 0, "image_classification": 0, "vqa": 3}
    after = {n: value for half in run.halves.values() for n, value in half.state_dict().items()}
    changed = {name for name, value in before.items() if not torch.equal(after[name], value)}
    assert {"fusion.segment.weight", "heads.vqa.linear.weight"} <= changed
    assert all(name.startswith(("fusion.", "heads.vqa.")) for name in changed)


@pytest.mark.usefixtures("small_data")
def test_one_task_sets_the_statistics_of_pictures_for_all() -> None:
    run = _start(_recipe())
    assert run.recipe.statistics_task == "image_classification"
    statistics = dict(run.transmitter.named_buffers())
    name = "encoders.image.stem.1.running_mean"
    for task, changes in (("vqa", False), ("image_classification", True)):
        before = statistics[name].clone()
        train_step(run, task, *run.samplers[task].batch(0))
        assert torch.equal(statistics[name], before) is not changes, task


@pytest.mark.usefixtures("small_data")
def test_earlier_weights_of_another_profile_are_refused(tiny_weights: Path) -> None:
    with pytest.raises(InvalidField, match="start-from"):
        start_run(
            get_profile("compact"),
            _recipe(),
            seed=0,
            device=torch.device("cpu"),
            earlier=[Origin(tiny_weights / "mfmsc")],
        )
