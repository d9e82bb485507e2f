"""Channel decoder: two linear layers from equalised symbols back to tokens.

Shapes: B batch, L tokens, S channel uses a token, P width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shared.profiles import REALS_PER_TOKEN, Profile


class ChannelDecoder(nn.Module):
    """x_hat -> 32 reals a token -> linear, GELU -> linear -> layer norm -> F_hat [L, P].

    One decoder serves all tasks.

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
            x_hat: complex64, shape [B, L, S], after the equaliser.

        Returns:
            float, shape [B, L, P].
        """
        tokens: Tensor = self.restore(torch.view_as_real(x_hat).flatten(2))
        return tokens
