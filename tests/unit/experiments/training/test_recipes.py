"""Recipes name tasks and data sets that are there, and the largest profile takes every task's inputs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from experiments.data.catalogue import PUBLISHED, TRAINING, datasets_of
from experiments.training.recipes import RECIPES
from shared.tasks import TASKS, get_task
from systems.layers.batch import Batch
from systems.layers.profiles import PROFILES, get_profile
from systems.mfmsc.heads import STEPS_PER_TOKEN
from systems.mfmsc.networks import ReceiverNetwork, TransmitterNetwork

_LABELS = {task: ("a", "b", "c") for task in TASKS if get_task(task).answer.kind in ("label", "labels")}
_NUM_PIECES = 100


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_recipe_trains_every_task_on_data_of_that_task(name: str) -> None:
    recipe = RECIPES[name]
    assert set(recipe.tasks) == set(TASKS)
    for task, own in recipe.tasks.items():
        assert set((own.dataset or TRAINING[task]).split("+")) <= set(datasets_of(task))


def test_every_profile_has_a_recipe_and_the_papers_is_of_the_papers_data() -> None:
    assert set(PROFILES) <= set(RECIPES)
    assert {task: own.dataset for task, own in RECIPES["paper"].tasks.items()} == dict(PUBLISHED)


@pytest.fixture(scope="module")
def paper_halves() -> tuple[TransmitterNetwork, ReceiverNetwork]:
    """Both halves of the paper's widths and inputs, one layer deep."""
    profile = replace(get_profile("paper"), text_layers=1, fusion_layers=1, speech_layers=1, video_layers=1)
    return (
        TransmitterNetwork(profile, list(TASKS), _NUM_PIECES),
        ReceiverNetwork(profile, list(TASKS), _LABELS, _NUM_PIECES),
    )


def _batch(task: str) -> Batch:
    profile = get_profile("paper")
    height, width = get_task(task).image_size
    inputs = {
        "text": (torch.zeros(2, 12, dtype=torch.int64), torch.ones(2, 12, dtype=torch.bool)),
        "image": (torch.zeros(2, 3, height, width),),
        "audio": (torch.zeros(2, 50, 80), torch.ones(2, 50, dtype=torch.bool)),
        "video": (torch.zeros(2, profile.video_frames, 3, profile.video_size, profile.video_size),),
    }
    return Batch({modality: inputs[modality] for modality in get_task(task).modalities})


@pytest.mark.parametrize("name", list(RECIPES))
def test_the_parts_that_a_recipe_names_are_there(
    name: str, paper_halves: tuple[TransmitterNetwork, ReceiverNetwork]
) -> None:
    recipe = RECIPES[name]
    parts = {*recipe.frozen, *recipe.part_rates}
    for own in recipe.tasks.values():
        parts |= {*own.frozen, *own.part_rates}
    names = [name for half in paper_halves for name, _ in half.named_parameters()]
    assert [part for part in parts if not any(name.startswith(part) for name in names)] == []


@pytest.mark.parametrize("task", list(TASKS))
def test_the_papers_profile_carries_every_task(
    task: str, paper_halves: tuple[TransmitterNetwork, ReceiverNetwork]
) -> None:
    transmitter, receiver = paper_halves
    with torch.no_grad():
        symbols, mask = transmitter(task, _batch(task))
        scores = receiver(task, symbols)
    assert symbols.shape == (2, mask.shape[1], 16)
    assert (mask.shape[1] == 1) == (not get_task(task).answer.sends_sequence)
    assert scores.shape[0] == 2
    if task in _LABELS:
        assert scores.shape == (2, 3)
    else:
        steps = STEPS_PER_TOKEN if task == "speech_recognition" else 1
        assert scores.shape[1] == steps * mask.shape[1]
