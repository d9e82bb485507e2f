"""Modulation: bits to QPSK, 16-QAM or 64-QAM symbols, and received symbols to log-likelihood ratios.

bits ─▶ scrambler ─▶ Gray mapping ─▶ symbols ··· channel, equaliser ··· ─▶ demapper ─▶ descrambler ─▶ LLRs

Constellations have unit mean power. The scrambler makes any payload look random. So the expected power of a
frame is one whatever is sent (silence, black pictures), and no constant disturbance looks like a code word.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from systems.separate import sionna_blocks as sionna

MAX_LLR = 20.0
# The initial value for n_RNTI = 1 and n_ID = 1.
_SCRAMBLING_START = 2**15 + 1
# A longer row of bits repeats the sequence.
_SCRAMBLING_PERIOD = 2**15
_SYMBOLS_AT_A_TIME = 2**14


@torch.inference_mode()
def modulate(bits: Tensor, bits_per_symbol: int) -> Tensor:
    """Scramble bits and map them to symbols of a Gray-labelled square constellation of unit mean power.

    Args:
        bits: 0 or 1, float32, shape [num_symbols * bits_per_symbol].
        bits_per_symbol: 2 (QPSK), 4 (16-QAM) or 6 (64-QAM).

    Returns:
        complex64, shape [num_symbols].

    Source: 3GPP TS 38.211, 5.1.3 to 5.1.5 (mapping) and 6.3.1.1 (scrambling).
    """
    scrambled = (bits + _scrambling_sequence(len(bits))) % 2
    symbols: Tensor = _mapper(bits_per_symbol)(scrambled)
    return symbols


@torch.inference_mode()
def demodulate(symbols: Tensor, noise_variance: Tensor, bits_per_symbol: int) -> Tensor:
    """Log-likelihood ratios of the bits of equalised symbols.

    LLR = ln p(bit = 1) / p(bit = 0) for x_hat = x + n with n ~ CN(0, noise_variance), where every symbol has
    a noise variance of its own. After an unbiased (zero-forcing) equaliser x_hat = y / h, and the noise
    variance of the symbol is sigma^2 / |h|^2. An MMSE estimate is biased, and its amplitudes would be read
    wrongly.

    Args:
        symbols: x_hat, complex64, shape [num_symbols]. A value that is not finite counts as erased.
        noise_variance: Noise of each symbol [linear], float32, shape [num_symbols]; infinity where h is 0.
        bits_per_symbol: 2 (QPSK), 4 (16-QAM) or 6 (64-QAM).

    Returns:
        float32, shape [num_symbols * bits_per_symbol], within -MAX_LLR to MAX_LLR; 0 for an erased symbol.
    """
    demapper = _demapper(bits_per_symbol)
    # In parts, for 64-QAM takes 1.5 kB of working memory for each symbol.
    starts = range(0, len(symbols), _SYMBOLS_AT_A_TIME)
    parts = [slice(start, start + _SYMBOLS_AT_A_TIME) for start in starts]
    llrs = torch.cat([demapper(symbols[part], noise_variance[part]) for part in parts])
    signs = 1 - 2 * _scrambling_sequence(len(llrs))
    return llrs.nan_to_num(0.0).clamp(-MAX_LLR, MAX_LLR) * signs


@cache
def _mapper(bits_per_symbol: int) -> Any:
    return sionna.Mapper("qam", bits_per_symbol, precision="single", device=sionna.DEVICE)


@cache
def _demapper(bits_per_symbol: int) -> Any:
    return sionna.Demapper("app", "qam", bits_per_symbol, precision="single", device=sionna.DEVICE)


@cache
def _scrambling_period() -> Tensor:
    return torch.from_numpy(sionna.generate_prng_seq(_SCRAMBLING_PERIOD, _SCRAMBLING_START)).float()


def _scrambling_sequence(length: int) -> Tensor:
    """Bits of a Gold sequence (3GPP TS 38.211, 5.2.1), float32, shape [length]."""
    period = _scrambling_period()
    return period.repeat(-(-length // len(period)))[:length]
