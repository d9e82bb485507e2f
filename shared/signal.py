"""Decibels and power: the few formulas both ends and the channel share.

From decibels to linear, floats, NumPy arrays and torch tensors all work.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_SNR_DB = -30.0
MAX_SNR_DB = 60.0
MAX_SYMBOLS_PER_FRAME = 1 << 22
_FEW_SYMBOLS = 64


def db_to_linear(value_db: Any) -> Any:
    """10^(dB/10), a power ratio [linear]."""
    return 10.0 ** (value_db / 10.0)


def linear_to_db(ratio: float) -> float:
    """10 log10(ratio) [dB]; -inf for 0."""
    return 10.0 * math.log10(ratio) if ratio > 0 else -math.inf


def noise_variance_from_snr_db(snr_db: Any) -> Any:
    """Noise variance per complex symbol [linear] at Es/N0 = snr_db, for symbols of unit mean power."""
    return db_to_linear(-snr_db)


def energy(x: NDArray[np.complexfloating]) -> float:
    """Sum of |x|^2 [linear] over all symbols of x, any shape; summed as float64."""
    if x.size <= _FEW_SYMBOLS:
        # A third of the time that NumPy's calls take on so few.
        return math.hypot(*np.ascontiguousarray(x).view(x.real.dtype).ravel().tolist()) ** 2
    reals = x.astype(np.complex128).ravel().view(np.float64)
    # Unlike BLAS it keeps the interpreter's lock, which others would take under load.
    return float(np.einsum("i,i->", reals, reals))


def equalise(
    y: NDArray[np.complexfloating], gains: NDArray[np.complexfloating], noise_variance: float
) -> NDArray[np.complex64]:
    """Estimate the sent symbols: x_hat = conj(h) y / (|h|^2 + noise_variance).

    Args:
        y: Received symbols, complex, any shape.
        gains: h, complex, of y's shape or one that broadcasts to it ([1, 1] for block fading).
        noise_variance: Per complex symbol [linear], above 0.

    Returns:
        complex64, shape of y.
    """
    power = gains.real**2 + gains.imag**2
    x_hat: NDArray[np.complex64] = (np.conj(gains) * y / (power + noise_variance)).astype(np.complex64)
    return x_hat
