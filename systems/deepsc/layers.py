"""Blocks of U-DeepSC and T-DeepSC.

Shapes: B batch, L tokens, P width.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from systems.layers.layers import Tokens

_FFN_RATIO = 4
_LONGEST_WAVE = 10_000.0


class Encoded(NamedTuple):
    """What a semantic encoder makes of a batch of one modality.

    Attributes:
        summary: float, shape [B, P]: the CLS token, or the mean of all tokens where an encoder has none.
        tokens: All others but the task embedding.
    """

    summary: Tensor
    tokens: Tokens


class EncoderLayers(nn.Module):
    """Transformer layers that normalise before attention and feedforward network, and a norm at the end.

    Args:
        width: P.
        num_heads: Heads of attention.
        num_layers: Each with a feedforward network of four times the width, and GELU.

    Source: Dosovitskiy et al., 2021.
    """

    def __init__(self, width: int, num_heads: int, num_layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, num_heads, _FFN_RATIO * width, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, values: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend within each sequence of [B, L, P], shape kept; mask is False where one is padded."""
        is_padded = None if mask is None else ~mask
        for layer in self.layers:
            values = layer(values, src_key_padding_mask=is_padded)
        normed: Tensor = self.norm(values)
        return normed


def sinusoids(length: int, width: int, device: torch.device) -> Tensor:
    """Sines and cosines of each place, wavelengths from 2 pi to 20,000 pi; float [length, width].

    Source: Vaswani et al., 2017, section 3.5.
    """
    steps = torch.arange(0, width, 2, device=device) / width
    angles = torch.arange(length, device=device)[:, None] * torch.exp(-math.log(_LONGEST_WAVE) * steps)
    return torch.stack((angles.sin(), angles.cos()), 2).flatten(1)
