"""Pictures as patches of 4x4 pixels: what one token of a rebuilt picture carries, at both ends.

Shapes: B batch, L = H/4 * W/4 patches, 48 = 3 * 4 * 4 values of a patch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

PATCH_SIZE = 4
"""Side of a patch [pixels]."""

VALUES_PER_PATCH = 3 * PATCH_SIZE * PATCH_SIZE

_MEAN_DEVIATION = 6.0  # of a patch's mean brightness, times the root of 48
_COLOUR_SHARES = (1.0, 1 / 4, 1 / 8)


def pictures_to_patches(pictures: Tensor) -> Tensor:
    """Cut pictures [B, 3, H, W] into patches [B, L, 48], row by row."""
    batch, channels, height, width = pictures.shape
    rows, columns = height // PATCH_SIZE, width // PATCH_SIZE
    grid = pictures.reshape(batch, channels, rows, PATCH_SIZE, columns, PATCH_SIZE)
    return grid.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, -1)


def patches_to_picture(patches: Tensor) -> Tensor:
    """Join the patches [L, 48] of a square picture to [H, W, 3]."""
    side = math.isqrt(patches.shape[0])
    grid = patches.view(side, side, 3, PATCH_SIZE, PATCH_SIZE)
    return grid.permute(0, 3, 1, 4, 2).reshape(side * PATCH_SIZE, side * PATCH_SIZE, 3)


class PatchTransform(nn.Module):
    """Discrete cosine transform of a patch and its colours, every coefficient scaled to about unit variance.

    Fine detail has a hundredth of the mean's variance, and a network that sees raw pixels learns it last. The
    scale follows photographs: a deviation falls with the square of frequency, u + v steps of it, and colour
    differences have a quarter and an eighth of brightness.

    Source: Ahmed et al., 1974; Field, 1987, for the spectrum of photographs.
    """

    basis: Tensor
    deviations: Tensor

    def __init__(self) -> None:
        super().__init__()
        places = torch.arange(PATCH_SIZE)
        cosines = torch.cos(math.pi * (places + 0.5) * places[:, None] / PATCH_SIZE)
        cosines = cosines / cosines.norm(dim=1, keepdim=True)
        colours = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]])
        colours = colours / colours.norm(dim=1, keepdim=True)
        basis = torch.kron(colours, torch.kron(cosines, cosines))
        steps = places + places[:, None]
        spectrum = _MEAN_DEVIATION / (1 + steps) ** 2
        deviations = torch.kron(torch.tensor(_COLOUR_SHARES), spectrum.flatten())
        self.register_buffer("basis", basis, persistent=False)
        self.register_buffer("deviations", deviations, persistent=False)

    def forward(self, patches: Tensor) -> Tensor:
        """Coefficients [..., 48] of patches [..., 48] whose pixels have about unit variance."""
        return patches @ self.basis.T / self.deviations

    def inverse(self, coefficients: Tensor) -> Tensor:
        """Patches of coefficients; both [..., 48]."""
        return (coefficients * self.deviations) @ self.basis
