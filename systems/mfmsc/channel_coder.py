"""Channel encoder and channel decoder: two linear layers each, between tokens and a few symbols a token.

Shapes: B batch, L tokens, P width, S = 16 channel uses a token.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from systems.layers.layers import Tokens, normalise_power
from systems.layers.profiles import CHANNEL_USES_PER_TOKEN, REALS_PER_TOKEN, Profile


class ChannelEncoder(nn.Module):
    """F [L, P] -> linear, GELU -> linear -> 32 reals a token -> 16 complex symbols -> unit mean power.

    One encoder serves all tasks. Its first symbols alone are a coarser code of the same token, so that a
    sequence may be sent at a lower rate. Two hidden units a real are there for a task whose code begins as a
    linear map, for gelu(a) - gelu(-a) = a.

    Source: MFMSC, IV-C, Fig. 7.
    """

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.compress = nn.Sequential(
            nn.Linear(profile.width, profile.coder_width + 2 * REALS_PER_TOKEN),
            nn.GELU(),
            nn.Linear(profile.coder_width + 2 * REALS_PER_TOKEN, REALS_PER_TOKEN),
        )

    def forward(self, tokens: Tokens, symbols_per_token: int = CHANNEL_USES_PER_TOKEN) -> Tensor:
        """Encode tokens into symbols.

        Args:
            tokens: [B, L, P].
            symbols_per_token: S, of which the first are sent.

        Returns:
            complex64, shape [B, L, S]; unit mean power over each instance's own tokens, zero where padded.
        """
        reals = self.compress(tokens.values).float()[..., : 2 * symbols_per_token]  # [B, L, 2S]
        symbols = torch.view_as_complex(reals.unflatten(-1, (-1, 2)).contiguous())
        return normalise_power(symbols, tokens.mask)


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
