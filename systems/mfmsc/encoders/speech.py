"""Speech semantic encoder: causal VGG over filter banks, then Transformer layers.

Shapes: B batch, T frames of 10 ms, M mel bins, L = ceil(T/4) tokens, P width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from systems.layers.layers import AttentionLayers, Tokens
from systems.layers.preprocessing import NUM_MEL_BINS
from systems.layers.profiles import Profile

TIME_REDUCTION = 4
_MAX_POSITIONS = 2048
_BRANCH_DEVIATION = 0.002


class CausalConv2d(nn.Module):
    """3x3 convolution that sees the present and two frames of the past, never the future.

    Time is padded on the left alone, frequency on both sides (van den Oord et al., 2016).
    """

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(num_in, num_out, kernel_size=3)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Shape [B, C, T, M] -> [B, C_out, T, M]."""
        y: Tensor = self.conv(F.pad(x, (1, 1, 2, 0)))
        return y


class CausalVgg(nn.Module):
    """Two VGG blocks; each halves time and frequency by max pooling that looks back in time.

    Frame k is pooled from frames 2k-1 and 2k, so token k depends on no frame after 4k.
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        first, second = profile.speech_channels
        self.blocks = nn.ModuleList(
            nn.Sequential(CausalConv2d(i, o), nn.ReLU(), CausalConv2d(o, o), nn.ReLU())
            for i, o in ((1, first), (first, second))
        )
        self.project = nn.Linear(second * NUM_MEL_BINS // 4, profile.width)

    def forward(self, fbank: Tensor) -> Tensor:
        """Shape [B, T, M] -> [B, ceil(T/4), P]."""
        x = fbank.unsqueeze(1)  # [B, 1, T, M]
        for block in self.blocks:
            x = F.max_pool2d(F.pad(block(x), (0, 0, 1, 0)), 2, ceil_mode=False)
            # left pad by one frame: window k holds frames 2k-1 and 2k
        flat = x.permute(0, 2, 1, 3).flatten(2)  # [B, L, C*M/4]
        tokens: Tensor = self.project(flat)
        return tokens


class SpeechEncoder(nn.Module):
    """fbank [B, T, 80] -> causal VGG -> + position -> Transformer layers -> tokens [B, L, P].

    Source: MFMSC, IV-A 3), Fig. 4.
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.vgg = CausalVgg(profile)
        self.position = nn.Embedding(_MAX_POSITIONS, profile.width)
        nn.init.normal_(self.position.weight, std=0.02)
        self.norm = nn.LayerNorm(profile.width)
        self.layers = AttentionLayers(profile, profile.speech_layers)
        for name, parameter in self.layers.named_parameters():
            if name.endswith("output.dense.weight"):
                # Layers that begin close to the identity do not smooth all tokens into one before CTC has
                # found where anything is said.
                nn.init.normal_(parameter, std=_BRANCH_DEVIATION)

    def forward(self, fbank: Tensor, mask: Tensor) -> Tokens:
        """Encode padded utterances.

        Args:
            fbank: float, shape [B, T, 80], log mel energies, normalised.
            mask: bool, shape [B, T]; False where padded.

        Returns:
            Tokens [B, L, P] with L = ceil(T / 4), at most 2048.
        """
        features = self.vgg(fbank)
        mask = mask[:, ::TIME_REDUCTION][:, : features.shape[1]]
        numbers = torch.arange(features.shape[1], device=features.device)
        values = self.norm(features + self.position(numbers))
        return Tokens(self.layers(Tokens(values, mask)), mask)
