"""One optimiser a task, over the parts that the task's gradient reaches (Algorithm 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import torch
from torch import nn

from experiments.training.muon import Muon
from experiments.training.recipes import Recipe, TaskRecipe

_FINAL_RATE = 0.01
_LEAST_SIDE = 16  # narrower matrices are left to AdamW


class TaskOptimiser:
    """Muon for matrices and kernels that start at random, AdamW for everything else, as one.

    Args:
        adamw: Learning rate and parameters of each group.
        muon: The same; may be empty.
        weight_decay: Of both.
    """

    def __init__(
        self,
        adamw: Mapping[float, list[nn.Parameter]],
        muon: Mapping[float, list[nn.Parameter]],
        weight_decay: float,
    ) -> None:
        self._parts: list[torch.optim.Optimizer] = []
        if adamw:
            self._parts.append(torch.optim.AdamW(_groups(adamw), weight_decay=weight_decay, fused=True))
        if muon:
            self._parts.append(Muon(_groups(muon), weight_decay))

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Groups of both: "params", "lr" and the "peak" of the learning rate."""
        return list(chain.from_iterable(part.param_groups for part in self._parts))

    def parameters(self) -> Iterator[nn.Parameter]:
        """Every parameter that is stepped."""
        for group in self.param_groups:
            yield from group["params"]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for part in self._parts:
            part.zero_grad(set_to_none=True)

    def step(self, rate_factor: float) -> None:
        """Take a step at a share of every group's peak learning rate."""
        for group in self.param_groups:
            group["lr"] = group["peak"] * rate_factor
        for part in self._parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """State of both, for a checkpoint."""
        return {type(part).__name__: part.state_dict() for part in self._parts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        for part in self._parts:
            part.load_state_dict(state[type(part).__name__])


def _groups(by_rate: Mapping[float, list[nn.Parameter]]) -> list[dict[str, Any]]:
    return [{"params": params, "lr": rate, "peak": rate} for rate, params in by_rate.items()]


def make_optimiser(
    recipe: Recipe, task_recipe: TaskRecipe, parameters: Mapping[str, nn.Parameter]
) -> TaskOptimiser:
    """The optimiser of a task's parameters, frozen parts left out.

    A part's learning rate is that of the first name that fits it: of the task's `part_rates`, then of the
    recipe's, else the task's own rate.
    """
    adamw: dict[float, list[nn.Parameter]] = {}
    muon: dict[float, list[nn.Parameter]] = {}
    part_rates = [*task_recipe.part_rates.items(), *recipe.part_rates.items()]
    for name, parameter in parameters.items():
        if not parameter.requires_grad or name.startswith(task_recipe.frozen):
            continue
        rate = next((r for part, r in part_rates if name.startswith(part)), task_recipe.learning_rate)
        is_matrix = parameter.ndim > 1 and min(parameter.flatten(1).shape) >= _LEAST_SIDE
        groups = muon if is_matrix and name.startswith(task_recipe.by_muon) else adamw
        groups.setdefault(rate, []).append(parameter)
    return TaskOptimiser(adamw, muon, recipe.weight_decay)


def require_gradients_of(optimiser: TaskOptimiser, *networks: nn.Module) -> None:
    """Let the next backward pass reach what the optimiser steps and no further."""
    for network in networks:
        network.requires_grad_(False)
    for parameter in optimiser.parameters():
        parameter.requires_grad_(True)


def rate_factor(step: int, steps: int, warm_up: float) -> float:
    """Learning rate as a share of its peak: a linear rise, then a linear fall to one hundredth."""
    share = (step + 1) / steps
    return share / warm_up if share < warm_up else max(_FINAL_RATE, (1 - share) / (1 - warm_up))
