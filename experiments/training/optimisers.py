"""One optimiser a task, over the parts that the task's gradient reaches (Algorithm 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from experiments.training.recipes import Recipe, TaskRecipe
from shared.networks.mfmsc import is_multimodal
from shared.tasks import Task

_FINAL_RATE = 0.01


def task_parameters(
    task: Task, run_transmitter: nn.Module, run_receiver: nn.Module
) -> dict[str, nn.Parameter]:
    """Parameters a task's gradient reaches, by name."""
    prefixes = [
        f"task_embedding.{task.name}",
        "channel_encoder.",
        *(f"encoders.{m}." for m in task.modalities),
    ]
    if is_multimodal(task):
        prefixes.append("fusion.")
    sent = {n: p for n, p in run_transmitter.named_parameters() if n.startswith(tuple(prefixes))}
    decoder = ("channel_decoder.", f"heads.{task.name}.")
    return sent | {n: p for n, p in run_receiver.named_parameters() if n.startswith(decoder)}


def make_optimiser(
    recipe: Recipe, task_recipe: TaskRecipe, parameters: Mapping[str, nn.Parameter]
) -> torch.optim.Optimizer:
    """AdamW over a task's parameters, parts at their own rates, frozen parts left out."""
    groups: dict[float, list[nn.Parameter]] = {}
    part_rates = [*task_recipe.part_rates.items(), *recipe.part_rates.items()]
    for name, parameter in parameters.items():
        if not parameter.requires_grad or name.startswith(task_recipe.frozen):
            continue
        rate = next((r for part, r in part_rates if name.startswith(part)), None)
        groups.setdefault(rate or task_recipe.learning_rate, []).append(parameter)
    return torch.optim.AdamW(
        [{"params": params, "lr": rate, "peak": rate} for rate, params in groups.items()],
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def parameters_of(optimiser: torch.optim.Optimizer) -> Iterator[nn.Parameter]:
    """Every parameter an optimiser steps."""
    for group in optimiser.param_groups:
        yield from group["params"]


def resume_optimiser(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Take up an earlier optimiser's moments; rates stay this recipe's, and parts grouped anew begin anew."""
    groups = optimiser.param_groups
    if [len(group["params"]) for group in groups] != [
        len(group["params"]) for group in state["param_groups"]
    ]:
        return
    peaks = [group["peak"] for group in groups]
    optimiser.load_state_dict(state)
    for group, peak in zip(optimiser.param_groups, peaks, strict=True):
        group["peak"] = peak


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
