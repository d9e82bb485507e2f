"""The modem against closed forms."""

import math

import numpy as np
import pytest
import torch
from noise import add_noise

from systems.separate.qam import MAX_LLR, demodulate, modulate


def gray_qam_bit_error_rate(bits_per_symbol: int, snr_db: float) -> float:
    """Exact bit error rate of Gray square QAM over AWGN (Cho and Yoon, IEEE Trans. Commun. 50, 2002)."""
    side = 2 ** (bits_per_symbol // 2)
    distance = math.sqrt(3 * 10 ** (snr_db / 10) / (2 * (side**2 - 1)))
    rate = 0.0
    for k in range(1, bits_per_symbol // 2 + 1):
        for i in range(int((1 - 2**-k) * side)):
            sign = (-1) ** math.floor(i * 2 ** (k - 1) / side)
            weight = 2 ** (k - 1) - math.floor(i * 2 ** (k - 1) / side + 0.5)
            rate += sign * weight * math.erfc((2 * i + 1) * distance) / side
    return rate / (bits_per_symbol // 2)


@pytest.mark.parametrize(
    ("bits_per_symbol", "snr_db"),
    [(2, 2.0), (2, 5.0), (2, 8.0), (4, 8.0), (4, 11.0), (4, 14.0), (6, 14.0), (6, 17.0), (6, 20.0)],
)
def test_uncoded_bit_errors_are_those_of_the_closed_form(bits_per_symbol, snr_db):
    rng = np.random.default_rng(bits_per_symbol)
    bits = torch.from_numpy(rng.integers(0, 2, 240_000).astype(np.float32))
    y, variance = add_noise(modulate(bits, bits_per_symbol), snr_db, rng)
    decided = (demodulate(y, variance, bits_per_symbol) > 0).float()
    measured = float((decided != bits).float().mean())
    theory = gray_qam_bit_error_rate(bits_per_symbol, snr_db)
    # Bits of a symbol err together at times, hence more than the 4 of independent bits.
    assert measured == pytest.approx(theory, abs=5 * math.sqrt(theory / len(bits)))


def test_llrs_of_qpsk_are_linear_in_the_symbol_and_in_one_over_its_own_noise_variance():
    """Of the bit on the real axis 2 sqrt(2) Re(y) / noise_variance, and of the other one with Im(y)."""
    y = torch.tensor([0.3 - 0.2j, 0.3 - 0.2j, -0.1 + 0.05j], dtype=torch.complex64)
    variance = torch.tensor([0.5, 2.0, 0.5])
    expected = 2 * math.sqrt(2) * torch.view_as_real(y).abs() / variance[:, None]
    torch.testing.assert_close(demodulate(y, variance, 2).abs(), expected.flatten())


def test_llrs_are_bounded_and_what_is_not_finite_is_erased():
    nan, inf = math.nan, math.inf
    y = torch.tensor([1 + 1j, nan, inf, 1 + 1j, 1 + 1j, complex(nan, inf)], dtype=torch.complex64)
    variance = torch.tensor([1e-9, 1.0, 1.0, inf, nan, inf])
    llrs = demodulate(y, variance, 2).reshape(-1, 2)
    assert (llrs[0].abs() == MAX_LLR).all()
    assert (llrs[1:] == 0).all()


@pytest.mark.parametrize("bits_per_symbol", [2, 4, 6])
def test_even_constant_bits_have_unit_power(bits_per_symbol):
    symbols = modulate(torch.zeros(60_000), bits_per_symbol)
    # The power of a symbol of 64-QAM deviates by 0.62 (standard deviation).
    assert float((symbols.abs() ** 2).mean()) == pytest.approx(1.0, abs=4 * 0.62 / math.sqrt(len(symbols)))
