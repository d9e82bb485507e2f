"""Training runs of three tasks on the small data set."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console

from experiments.training.recipes import Recipe, TaskRecipe
from experiments.training.run import Run, start_run
from systems.layers.profiles import get_profile

QUIET = Console(quiet=True)
SYSTEM = "mfmsc"
TASKS = ("sentiment", "image_classification", "vqa")


def small_recipe(steps: int = 6) -> Recipe:
    """So many steps of each task."""
    return Recipe({task: TaskRecipe(steps=steps, batch=8, learning_rate=2e-3) for task in TASKS})


def start_small(recipe: Recipe, seed: int = 0, start_from: Path | None = None, command: str = "") -> Run:
    """A run of the tiny profile."""
    run = start_run(
        SYSTEM, get_profile("tiny"), recipe, seed=seed, device=torch.device("cpu"), start_from=start_from
    )
    run.command = command
    return run
