"""Channel decoder: two linear layers from equalised symbols back to tokens.

Shapes: B batch, L tokens, S channel uses a token, P width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from systems.layers.profiles import REALS_PER_TOKEN, Profile


class ChannelDecoder(nn.Module):
    """x_hat -> 32 reals a token -> linear, GELU -> linear -> layer norm -> F_hat [L, P].

    One decoder serves all tasks. Symbols that were not sent, at a lower rate, are zero to it.

    Source: MFMSC, IV-D, Fig. 8.
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.restore = nn.Sequential(
            nn.Linear(REALS_PER_TOKEN, profile.coder_width),
            nn.GELU(),
            nn.Linear(profile.coder_width, profile.width),
            nn.LayerNorm(profile.width),
        )

    def forward(self, x_hat: Tensor) -> Tensor:
        """Restore tokens.

        Args:
            x_hat: complex64, shape [B, L, S], after the equaliser; S at most 16.

        Returns:
            float, shape [B, L, P].
        """
        reals = torch.view_as_real(x_hat).flatten(2)
        tokens: Tensor = self.restore(F.pad(reals, (0, REALS_PER_TOKEN - reals.shape[2])))
        return tokens
