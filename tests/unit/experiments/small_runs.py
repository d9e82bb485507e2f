"""Training runs of three tasks on the small data set."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from rich.console import Console

from experiments.teacher import Opinions
from experiments.training.recipes import Recipe, TaskRecipe
from experiments.training.run import Run, start_run
from experiments.training.warm_start import Origin
from shared.networks.profiles import get_profile

QUIET = Console(quiet=True)
TASKS = ("sentiment", "image_classification", "vqa")


def small_recipe(steps: int = 6) -> Recipe:
    """So many steps of each task."""
    return Recipe({task: TaskRecipe(steps=steps, batch=8, learning_rate=2e-3) for task in TASKS})


def start_small(
    recipe: Recipe,
    seed: int = 0,
    earlier: Sequence[str] = (),
    command: str = "",
    teachers: Sequence[Opinions] = (),
) -> Run:
    """A run of the tiny profile, which may go on from `earlier`, as --start-from takes them."""
    origins = [Origin.parse(text) for text in earlier]
    return start_run(
        get_profile("tiny"),
        recipe,
        seed=seed,
        device=torch.device("cpu"),
        earlier=origins,
        teachers=teachers,
        command=command,
    )
