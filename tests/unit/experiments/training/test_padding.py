"""Batches of few lengths, as a GPU takes them, have the losses of batches as long as their longest input."""

from __future__ import annotations

import pytest
import torch
from small_data import small_examples
from small_runs import start_small

from experiments.training.objectives import OBJECTIVES
from experiments.training.recipes import Recipe, TaskRecipe
from experiments.training.run import Run
from experiments.training.sampling import EXACT, FEW_LENGTHS, Sampler
from shared.tasks import get_task

_TASKS = ("sentiment", "text_reconstruction", "speech_recognition", "vqa", "movie_genres")


def _figures(
    run: Run, task: str, sampler: Sampler
) -> tuple[torch.Tensor, torch.Tensor, dict[str, tuple[int, ...]]]:
    """Loss and watched quality over a channel without noise, and shapes of the inputs."""
    batch, targets = sampler.batch(1)
    objective = OBJECTIVES[get_task(task).answer]
    symbols, mask = run.system.encode(task, batch, 16)
    scores = run.system.decode(task, symbols, mask)
    loss = objective.loss(scores, mask, targets, run.recipe.tasks[task])
    shapes = {modality: tuple(tensors[0].shape[:2]) for modality, tensors in batch.inputs.items()}
    return loss, objective.quality(scores, mask, targets), shapes


@pytest.mark.usefixtures("small_data")
@pytest.mark.parametrize("task", _TASKS)
def test_padding_changes_no_loss(task: str) -> None:
    own = TaskRecipe(steps=1, batch=6, augment=True, replaced_share=0.25)
    run = start_small(Recipe({task: own}))
    run.system.transmitter.eval()
    samplers = [
        Sampler(
            small_examples(task, "train"), own, run.profile, run.vocabulary, run.system.speech, 0, multiples
        )
        for multiples in (EXACT, FEW_LENGTHS)
    ]
    (exact, quality, shapes), (padded, same, larger) = (_figures(run, task, sampler) for sampler in samplers)
    assert shapes != larger
    for modality, multiple in FEW_LENGTHS.items():
        if modality in larger:
            assert larger[modality][1] % multiple == 0
    torch.testing.assert_close(padded, exact, atol=1e-5, rtol=0)
    torch.testing.assert_close(same, quality, atol=1e-5, rtol=0)


@pytest.mark.usefixtures("small_data")
def test_inputs_that_instances_share_come_in_few_numbers() -> None:
    own = TaskRecipe(steps=1, batch=6)
    run = start_small(Recipe({"vqa": own}))
    sampler = Sampler(
        small_examples("vqa", "train"), own, run.profile, run.vocabulary, run.system.speech, 0, FEW_LENGTHS
    )
    batch, _ = sampler.batch(0)
    assert len(batch.inputs["text"][0]) == 16  # three questions, and one of them thirteen times more
    assert len(batch.inputs["image"][0]) == 6
    assert int(batch.rows["text"].max()) == 2
