"""White Gaussian noise for the tests of the digital chain; SNR is Es/N0 per complex symbol."""

import numpy as np
import torch


def add_noise(
    symbols: torch.Tensor, snr_db: float, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy symbols, and the noise variance of each."""
    variance = 10 ** (-snr_db / 10)
    reals = rng.standard_normal((2, len(symbols))) * np.sqrt(variance / 2)
    noise = torch.from_numpy((reals[0] + 1j * reals[1]).astype(np.complex64))
    return symbols + noise, torch.full((len(symbols),), variance)
