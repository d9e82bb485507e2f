"""Channel encoder: 16 channel uses a token, unit power an instance."""

from __future__ import annotations

import torch

from systems.layers.layers import Tokens
from systems.layers.profiles import get_profile
from systems.mfmsc.channel_coder import ChannelEncoder

TINY = get_profile("tiny")


def test_sixteen_symbols_a_token_at_unit_power() -> None:
    tokens = Tokens(5 * torch.randn(3, 7, TINY.width), torch.arange(7)[None] < torch.tensor([[7], [1], [4]]))
    symbols = ChannelEncoder(TINY)(tokens)
    assert symbols.shape == (3, 7, 16)
    assert symbols.dtype == torch.complex64
    power = (symbols.abs() ** 2).sum((1, 2)) / (16 * tokens.mask.sum(1))
    torch.testing.assert_close(power, torch.ones(3))
    assert not symbols[~tokens.mask].any()


def test_real_outputs_pair_into_symbols() -> None:
    encoder = ChannelEncoder(TINY)
    tokens = Tokens(torch.randn(1, 1, TINY.width), torch.ones(1, 1, dtype=torch.bool))
    reals = encoder.compress(tokens.values)[0, 0]
    symbols = encoder(tokens)[0, 0]
    ratio = symbols / torch.complex(reals[0::2], reals[1::2])
    torch.testing.assert_close(ratio.imag, torch.zeros(16), atol=1e-5, rtol=0)
    torch.testing.assert_close(ratio.real, ratio.real[:1].expand(16))
