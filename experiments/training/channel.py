"""The differentiable channel of training: every instance draws its own SNR and fading.

Shapes: B batch, L tokens, S channel uses a token.
"""

from __future__ import annotations

import torch
from torch import Tensor

from shared.signal import noise_variance_from_snr_db


def random_channel(
    x: Tensor, snr_range_db: tuple[float, float], rayleigh_share: float, *, generator: torch.Generator
) -> Tensor:
    """Send a batch through AWGN or Rayleigh block fading at random SNRs, and equalise with perfect CSI.

    Args:
        x: Sent symbols, complex64, shape [B, L, S], unit mean power an instance.
        snr_range_db: Lowest and highest SNR [dB]; each instance draws its own evenly between them.
        rayleigh_share: Probability that an instance fades, 0 to 1.
        generator: Random source on x's device.

    Returns:
        x_hat, complex64, shape [B, L, S].

    Source: MFMSC, Algorithm 1.
    """
    batch, device = x.shape[0], x.device
    low, high = snr_range_db
    snr_db = low + (high - low) * torch.rand(batch, generator=generator, device=device)
    fades = torch.rand(batch, generator=generator, device=device) < rayleigh_share
    return batch_channel(x, snr_db, fades, generator=generator)


def batch_channel(x: Tensor, snr_db: Tensor, fades: Tensor, *, generator: torch.Generator) -> Tensor:
    """Send each instance at its own SNR, over Rayleigh block fading where it fades, else AWGN; then equalise.

    y = h x + n, n ~ CN(0, noise_variance), h ~ CN(0, 1) or 1; x_hat = conj(h) y / (|h|^2 + noise_variance).

    Args:
        x: Sent symbols, complex64, shape [B, L, S], unit mean power an instance.
        snr_db: Es/N0 per complex symbol [dB], shape [B].
        fades: bool, shape [B].
        generator: Random source on x's device.

    Returns:
        x_hat, complex64, shape [B, L, S]; gradients pass.

    Source: MFMSC, eq. (2).
    """
    variance = noise_variance_from_snr_db(snr_db)[:, None, None]
    gains = complex_normal((x.shape[0], 1, 1), generator)
    h = torch.where(fades[:, None, None], gains, torch.ones_like(gains))
    y = h * x + variance.sqrt() * complex_normal(tuple(x.shape), generator)
    return equalise_batch(y, h, variance)


def complex_normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """CN(0, 1): half the power in each real dimension; complex64 of the given shape."""
    return torch.randn(shape, dtype=torch.complex64, generator=generator, device=generator.device)


def equalise_batch(y: Tensor, h: Tensor, noise_variance: Tensor) -> Tensor:
    """x_hat = conj(h) y / (|h|^2 + noise_variance), as the receiver's equaliser; shapes broadcast."""
    return h.conj() * y / (h.real**2 + h.imag**2 + noise_variance)
