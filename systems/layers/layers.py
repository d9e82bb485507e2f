"""Blocks that more than one network is made of.

Shapes: B batch, L tokens, P width, S channel uses a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from systems.layers.bert import BertEncoder, BertSizes
from systems.layers.profiles import Profile

_EMBEDDING_DEVIATION = 0.02  # as BERT's
_MIN_POWER = 1e-12


class Tokens(NamedTuple):
    """A padded batch of token sequences.

    Attributes:
        values: float, shape [B, L, P].
        mask: bool, shape [B, L]; False where a sequence is padded.
    """

    values: Tensor
    mask: Tensor


def bert_sizes(profile: Profile, *, num_layers: int, vocab_size: int = 1) -> BertSizes:
    """BERT of a profile's width, without dropout: the channel is noise enough."""
    return BertSizes(profile.width, profile.ffn_width, profile.num_heads, num_layers, vocab_size)


class AttentionLayers(nn.Module):
    """BERT attention layers: H' = LN(MSA(H) + H), H = LN(FFN(H') + H'), FFN with GELU.

    MSA scales by sqrt(P_h), the width of a head, as BERT does; the paper's eq. (13) writes sqrt(P).

    Source: MFMSC, eqs. (11) to (14).
    """

    def __init__(self, profile: Profile, num_layers: int) -> None:
        super().__init__()
        self.encoder = BertEncoder(bert_sizes(profile, num_layers=num_layers))

    def forward(self, tokens: Tokens) -> Tensor:
        """Attend within each sequence; padding is neither attended to nor changed in meaning.

        Returns:
            float, shape [B, L, P].
        """
        attended: Tensor = self.encoder(tokens.values, tokens.mask[:, None, None, :])
        return attended


def named_vectors(names: Sequence[str], width: int) -> nn.ParameterDict:
    """A learned vector [width] for each name, so that weights say by name which is whose."""
    rows = nn.init.normal_(torch.empty(len(names), width), std=_EMBEDDING_DEVIATION)
    return nn.ParameterDict({name: nn.Parameter(row.clone()) for name, row in zip(names, rows, strict=True)})


def masked_mean(tokens: Tokens) -> Tensor:
    """Average over the tokens of each sequence, without padding.

    Returns:
        float, shape [B, 1, P].
    """
    weights = tokens.mask.unsqueeze(-1).to(tokens.values.dtype)  # [B, L, 1]
    return (tokens.values * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True)


def append_token(tokens: Tokens, token: Tensor) -> Tokens:
    """Concatenate one more token, the same for every instance.

    Args:
        tokens: [B, L, P].
        token: float, shape [P].

    Returns:
        Tokens [B, L + 1, P].
    """
    batch = tokens.values.shape[0]
    values = torch.cat([tokens.values, token.to(tokens.values.dtype).expand(batch, 1, -1)], 1)
    return Tokens(values, torch.cat([tokens.mask, tokens.mask.new_ones(batch, 1)], 1))


def normalise_power(symbols: Tensor, mask: Tensor) -> Tensor:
    """Scale each instance to mean |x|^2 = 1 over its own tokens.

    Args:
        symbols: complex64, shape [B, L, S].
        mask: bool, shape [B, L]; False where padded.

    Returns:
        complex64, shape [B, L, S], zero where padded.
    """
    symbols = symbols * mask.unsqueeze(-1)
    energy = (symbols.real**2 + symbols.imag**2).sum((1, 2))
    num_symbols = mask.sum(1) * symbols.shape[2]
    scale = (energy / num_symbols).clamp_min(_MIN_POWER).rsqrt()
    return symbols * scale[:, None, None]
