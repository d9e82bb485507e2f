"""One optimiser a task, over the parts that the task's gradient reaches (Algorithm 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import nn

from experiments.training.recipes import Recipe, TaskRecipe

_FINAL_RATE = 0.01


def make_optimiser(
    recipe: Recipe, task_recipe: TaskRecipe, parameters: Mapping[str, nn.Parameter]
) -> torch.optim.Optimizer:
    """AdamW over a task's parameters, frozen parts left out.

    A part's learning rate is that of the first name that fits it: of the task's `part_rates`, then of the
    recipe's, else the task's own rate.
    """
    groups: dict[float, list[nn.Parameter]] = {}
    part_rates = [*task_recipe.part_rates.items(), *recipe.part_rates.items()]
    for name, parameter in parameters.items():
        if not parameter.requires_grad or name.startswith(task_recipe.frozen):
            continue
        rate = next((r for part, r in part_rates if name.startswith(part)), None)
        groups.setdefault(task_recipe.learning_rate if rate is None else rate, []).append(parameter)
    return torch.optim.AdamW(
        [{"params": params, "lr": rate, "peak": rate} for rate, params in groups.items()],
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def parameters_of(optimiser: torch.optim.Optimizer) -> Iterator[nn.Parameter]:
    """Every parameter an optimiser steps."""
    for group in optimiser.param_groups:
        yield from group["params"]


def require_gradients_of(optimiser: torch.optim.Optimizer, *networks: nn.Module) -> None:
    """Let the next backward pass reach what the optimiser steps and no further."""
    for network in networks:
        network.requires_grad_(False)
    for parameter in parameters_of(optimiser):
        parameter.requires_grad_(True)


def set_rate(optimiser: torch.optim.Optimizer, factor: float) -> None:
    """Set every group's learning rate to a share of its peak."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * factor


def rate_factor(step: int, steps: int, warm_up: float) -> float:
    """Learning rate as a share of its peak: a linear rise, then a linear fall to one hundredth."""
    share = (step + 1) / steps
    return share / warm_up if share < warm_up else max(_FINAL_RATE, (1 - share) / (1 - warm_up))
