"""Muon: what its steps are, on matrices and kernels, and which parameters of a recipe it steps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from experiments.training.muon import Muon, orthogonalised
from experiments.training.optimisers import make_optimiser
from experiments.training.recipes import Recipe, TaskRecipe


@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (24, 24)])
def test_all_directions_of_a_matrix_get_about_one_size(shape: tuple[int, int]) -> None:
    """Singular values that differ by a hundred come out between .6 and 1.3; the directions stay."""
    generator = torch.Generator().manual_seed(0)
    u, _, vh = torch.linalg.svd(torch.randn(shape, generator=generator), full_matrices=False)
    values = torch.logspace(0, 2, min(shape))
    made = orthogonalised(u @ torch.diag(values) @ vh)
    found = torch.diagonal(u.T @ made @ vh.T)
    assert found.min() > 0.6
    assert found.max() < 1.3
    assert torch.allclose(u @ torch.diag(found) @ vh, made, atol=1e-4)


def test_a_kernel_is_stepped_as_the_matrix_of_its_output_channels() -> None:
    """Whatever its layout in memory."""
    generator = torch.Generator().manual_seed(1)
    value, gradient = torch.randn(2, 8, 4, 3, 3, generator=generator)
    matrix, kernel = nn.Parameter(value.flatten(1).clone()), nn.Parameter(value.clone())
    last = nn.Parameter(value.clone().contiguous(memory_format=torch.channels_last))
    matrix.grad, kernel.grad, last.grad = gradient.flatten(1), gradient, gradient
    for parameter in (matrix, kernel, last):
        Muon([{"params": [parameter], "lr": 0.1}], weight_decay=0.5).step()
    assert torch.allclose(kernel.flatten(1), matrix, atol=1e-6)
    assert torch.allclose(last, kernel, atol=1e-6)
    step = value.flatten(1) * (1 - 0.1 * 0.5) - matrix
    assert torch.allclose(step, 0.1 * 0.2 * 6 * orthogonalised(gradient.flatten(1)), atol=1e-5)


def test_a_recipe_says_which_parts_muon_steps() -> None:
    """Named matrices and kernels; vectors, narrow matrices and other parts are left to AdamW."""
    shapes = {
        "fresh.kernel": (32, 8, 3, 3),
        "fresh.bias": (32,),
        "fresh.narrow": (2, 32),
        "bert.dense": (32, 32),
    }
    parameters = {name: nn.Parameter(torch.zeros(shape)) for name, shape in shapes.items()}
    recipe = TaskRecipe(1, 1, by_muon=("fresh",))
    optimiser = make_optimiser(Recipe({}), recipe, parameters)
    for parameter in parameters.values():
        parameter.grad = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2))
    optimiser.step(1.0)
    states = optimiser.state_dict()
    assert len(states["Muon"]["state"]) == 1
    assert len(states["AdamW"]["state"]) == 3
    again = make_optimiser(Recipe({}), recipe, parameters)
    again.load_state_dict(states)
    assert torch.equal(
        again.state_dict()["Muon"]["state"][0]["momentum"], states["Muon"]["state"][0]["momentum"]
    )
