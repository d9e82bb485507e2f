"""Channel encoder: 16 channel uses a token, unit power an instance."""

from __future__ import annotations

import torch

from systems.layers.layers import Tokens, normalise_power
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


def test_power_does_not_leak_between_instances() -> None:
    symbols = torch.randn(2, 3, 16, dtype=torch.complex64)
    mask = torch.ones(2, 3, dtype=torch.bool)
    louder = symbols * torch.tensor([1.0, 100.0])[:, None, None]
    torch.testing.assert_close(normalise_power(louder, mask), normalise_power(symbols, mask))


def test_real_outputs_pair_into_symbols() -> None:
    encoder = ChannelEncoder(TINY)
    tokens = Tokens(torch.randn(1, 1, TINY.width), torch.ones(1, 1, dtype=torch.bool))
    reals = encoder.compress(tokens.values)[0, 0]
    symbols = encoder(tokens)[0, 0]
    ratio = symbols / torch.complex(reals[0::2], reals[1::2])
    torch.testing.assert_close(ratio.imag, torch.zeros(16), atol=1e-5, rtol=0)
    torch.testing.assert_close(ratio.real, ratio.real[:1].expand(16))


def test_two_layers() -> None:
    linear = [m for m in ChannelEncoder(get_profile("paper")).modules() if isinstance(m, torch.nn.Linear)]
    hidden = 256 + 2 * 32  # two units a real for a linear code
    assert [(m.in_features, m.out_features) for m in linear] == [(768, hidden), (hidden, 32)]
