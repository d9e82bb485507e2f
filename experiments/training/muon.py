"""Muon: steps of equal size in every direction of a matrix, for matrices and kernels that start at random.

torch.optim.Muon takes matrices only and multiplies bfloat16, which a CPU without it does some hundred times
slower; this one takes kernels too and multiplies in the parameters' own precision.

Shapes: R rows, C columns of a matrix.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_MOMENTUM = 0.95
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_NUM_ITERATIONS = 5
_ADAM_SIZE = 0.2  # root mean square of an entry of AdamW's usual step
_LEAST_NORM = 1e-7


class Muon(torch.optim.Optimizer):
    """Momentum whose singular values are made equal (Newton-Schulz), with AdamW's decoupled weight decay.

    m <- 0.95 m + g;  W <- W - lr (weight_decay W + 0.2 sqrt(max(R, C)) orthogonalised(g + 0.95 m))

    The factor 0.2 sqrt(max(R, C)) gives entries the size that AdamW's steps have, so that its learning rates
    serve both. A kernel is a matrix whose rows are its output channels.

    Args:
        groups: As of every optimiser: "params" of at least two dimensions, "lr".
        weight_decay: Decoupled.

    Source: Jordan et al., Muon, 2024; Liu et al., arXiv 2502.16982.
    """

    def __init__(self, groups: list[dict[str, Any]], weight_decay: float) -> None:
        super().__init__(groups, {"lr": 1e-3, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # nobody has a closure
        """One step of every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._step_one(parameter, group["lr"], group["weight_decay"])

    def _step_one(self, parameter: nn.Parameter, rate: float, weight_decay: float) -> None:
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum: Tensor = state["momentum"]
        momentum.mul_(_MOMENTUM).add_(gradient)
        matrix = gradient.add(momentum, alpha=_MOMENTUM).flatten(1)  # [R, C]
        update = orthogonalised(matrix).view_as(parameter)
        parameter.mul_(1 - rate * weight_decay)
        parameter.add_(update, alpha=-rate * _ADAM_SIZE * max(matrix.shape) ** 0.5)


def orthogonalised(matrix: Tensor) -> Tensor:
    """A matrix with the same singular vectors and singular values between about 0.7 and 1.2.

    X <- (a I + b G + c G^2) X with G = X X^T, five times; G commutes with its polynomials, so only the Gram
    matrix of the shorter side is iterated.

    Args:
        matrix: float [R, C].
    """
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / wide.norm().clamp_min(_LEAST_NORM)
    a, b, c = _COEFFICIENTS
    gram = wide @ wide.T
    identity = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    product = identity
    for _ in range(_NUM_ITERATIONS):
        polynomial = a * identity + b * gram + c * (gram @ gram)
        product, gram = product @ polynomial, polynomial @ gram @ polynomial
    result: Tensor = product @ wide
    return result.T if matrix.shape[0] > matrix.shape[1] else result
