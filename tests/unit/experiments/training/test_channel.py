"""The differentiable channel held to theory, and to the services' own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from experiments.training.channel import batch_channel, complex_normal, equalise_batch, random_channel
from shared.signal import equalise

_NUM_SYMBOLS = 400_000


def _qpsk(batch: int, length: int, generator: torch.Generator) -> torch.Tensor:
    bits = torch.randint(0, 2, (2, batch, 1, length), generator=generator) * 2.0 - 1
    return torch.complex(bits[0], bits[1]) / math.sqrt(2)


def _bit_error_rate(x: torch.Tensor, x_hat: torch.Tensor) -> float:
    wrong = (x.real * x_hat.real < 0).float().mean() + (x.imag * x_hat.imag < 0).float().mean()
    return float(wrong) / 2


@pytest.mark.parametrize("snr_db", [0.0, 5.0])
def test_awgn_bit_errors_match_theory(snr_db: float) -> None:
    """QPSK at Es/N0: BER = Q(sqrt(Es/N0))."""
    generator = torch.Generator().manual_seed(1)
    x = _qpsk(8, _NUM_SYMBOLS // 8, generator)
    snrs, fades = torch.full((8,), snr_db), torch.zeros(8, dtype=torch.bool)
    x_hat = batch_channel(x, snrs, fades, generator=generator)
    theory = 0.5 * math.erfc(math.sqrt(10 ** (snr_db / 10) / 2))
    assert _bit_error_rate(x, x_hat) == pytest.approx(theory, rel=0.03)


@pytest.mark.parametrize("snr_db", [0.0, 5.0, 10.0])
def test_rayleigh_bit_errors_match_theory(snr_db: float) -> None:
    """QPSK with bit SNR g = Es/N0 / 2: BER = (1 - sqrt(g / (1 + g))) / 2."""
    generator = torch.Generator().manual_seed(2)
    x = _qpsk(_NUM_SYMBOLS, 1, generator)
    snrs, fades = torch.full((_NUM_SYMBOLS,), snr_db), torch.ones(_NUM_SYMBOLS, dtype=torch.bool)
    x_hat = batch_channel(x, snrs, fades, generator=generator)
    bit_snr = 10 ** (snr_db / 10) / 2
    theory = 0.5 * (1 - math.sqrt(bit_snr / (1 + bit_snr)))
    assert _bit_error_rate(x, x_hat) == pytest.approx(theory, rel=0.03)


def test_equaliser_is_the_receivers() -> None:
    generator = torch.Generator().manual_seed(4)
    y, h = complex_normal((3, 5, 16), generator), complex_normal((3, 1, 1), generator)
    variance = torch.tensor([0.1, 1.0, 4.0])[:, None, None]
    expected = [equalise(y[i].numpy(), h[i].numpy(), float(variance[i])) for i in range(3)]
    np.testing.assert_allclose(
        equalise_batch(y, h, variance).numpy(), np.stack(expected), rtol=1e-5, atol=1e-6
    )


def test_every_instance_draws_its_own_snr_and_half_of_them_fade(monkeypatch: pytest.MonkeyPatch) -> None:
    """Algorithm 1: SNR uniform over [-6, 18] dB; one gain an instance, CN(0, 1) for half of them, else 1.

    Seen before the equaliser: y = h x + n, so h is the mean of conj(x) y and the rest of y is noise.
    """
    monkeypatch.setattr("experiments.training.channel.equalise_batch", lambda y, h, variance: y)
    generator = torch.Generator().manual_seed(6)
    x = _qpsk(1000, 4000, generator)
    y = random_channel(x, (-6.0, 18.0), 0.5, generator=generator)
    h = (x.conj() * y).mean(2, keepdim=True)
    noise_power = (y - h * x).abs().square().mean((1, 2)).numpy()
    snr_db, gains = -10 * np.log10(noise_power), h[:, 0, 0].numpy()
    # 4000 symbols tell the noise power to 1.6 %, or 0.07 dB, and a gain at -6 dB to 0.03.
    assert snr_db.min() == pytest.approx(-6, abs=0.4)
    assert snr_db.max() == pytest.approx(18, abs=0.4)
    assert stats.kstest(snr_db, "uniform", (-6, 24)).pvalue > 0.01
    fades = np.abs(gains - 1) > 0.15
    assert fades.mean() == pytest.approx(0.5, abs=0.06)
    assert stats.kstest(np.abs(gains[fades]) ** 2, "expon").pvalue > 0.01
    assert stats.kstest(np.angle(gains[fades]), "uniform", (-np.pi, 2 * np.pi)).pvalue > 0.01
    assert stats.ks_2samp(snr_db[fades], snr_db[~fades]).pvalue > 0.01  # fading does not choose its SNR


def test_gradients_pass_and_a_seed_repeats() -> None:
    x = torch.randn(4, 2, 16, dtype=torch.complex64, requires_grad=True)
    first = random_channel(x, (0.0, 6.0), 0.5, generator=torch.Generator().manual_seed(5))
    second = random_channel(x, (0.0, 6.0), 0.5, generator=torch.Generator().manual_seed(5))
    assert torch.equal(first, second)
    first.abs().sum().backward()
    assert x.grad is not None
    assert bool((x.grad.abs() > 0).all())
