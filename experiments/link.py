"""Transmitter, channel and receiver in one process: for gradients, and for figures without a network.

`random_channel` draws in torch, every instance its own SNR and fading, and lets gradients through.
`SemanticLink` runs the same halves, draws and equaliser as the services: its answers are theirs.

Shapes: B batch, L tokens, S channel uses a token.
"""

from __future__ import annotations

import torch
from torch import Tensor

from shared.signal import noise_variance_from_snr_db

SNR_RANGE_DB = (-6.0, 18.0)
RAYLEIGH_SHARE = 0.5


def random_channel(x: Tensor, *, generator: torch.Generator) -> Tensor:
    """Send a batch through AWGN or Rayleigh block fading at random SNRs, and equalise with perfect CSI.

    y = h x + n, n ~ CN(0, noise_variance); x_hat = conj(h) y / (|h|^2 + noise_variance). Each instance has an
    SNR uniform in SNR_RANGE_DB; a RAYLEIGH_SHARE of them h ~ CN(0, 1), the others h = 1.

    Args:
        x: Sent symbols, complex64, shape [B, L, S], unit mean power an instance.
        generator: Random source on x's device.

    Returns:
        x_hat, complex64, shape [B, L, S].

    Source: MFMSC, eq. (2), Algorithm 1.
    """
    batch, device = x.shape[0], x.device
    low, high = SNR_RANGE_DB
    snr_db = low + (high - low) * torch.rand(batch, 1, 1, generator=generator, device=device)
    variance = noise_variance_from_snr_db(snr_db)
    fades = torch.rand(batch, 1, 1, generator=generator, device=device) < RAYLEIGH_SHARE
    h = torch.where(fades, complex_normal((batch, 1, 1), generator), torch.ones_like(fades, dtype=x.dtype))
    y = h * x + variance.sqrt() * complex_normal(tuple(x.shape), generator)
    return equalise(y, h, variance)


def complex_normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """CN(0, 1): half the power in each real dimension; complex64 of the given shape."""
    return torch.randn(shape, dtype=torch.complex64, generator=generator, device=generator.device)


def equalise(y: Tensor, h: Tensor, noise_variance: Tensor) -> Tensor:
    """x_hat = conj(h) y / (|h|^2 + noise_variance), as the receiver's equaliser; shapes broadcast."""
    return h.conj() * y / (h.real**2 + h.imag**2 + noise_variance)
