"""Undoes the channel's gain as far as the link's CSI mode allows. NumPy only.

    received y ──▶ gain estimate h_hat (by CSI mode) ──▶ MMSE ──▶ x_hat

With a unit-power sent symbol the linear estimator of least mean squared error is

    x_hat = conj(h) y / (|h|^2 + noise_variance)

and its post-equalisation SNR is stated as that of the zero-forced symbol y / h = x + n / h:
1 / mean(noise_variance / |h|^2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protos.semcom.v1 import frame_pb2
from shared.errors import InvalidField
from shared.signal import equalise, linear_to_db
from shared.wire import unpack_symbols

# Below this |h|^2 a symbol is lost for every purpose; the floor keeps the reported SNR finite.
_MIN_GAIN_POWER = 1e-12


@dataclass(frozen=True)
class Equalised:
    """One frame after the equaliser.

    Attributes:
        symbols: x_hat, complex64, the shape of the received symbols.
        post_equalisation_snr_db: SNR the receiver expects of x_hat [dB]; finite.
    """

    symbols: NDArray[np.complex64]
    post_equalisation_snr_db: float


def post_equalisation_snr_db(gains: NDArray[np.complexfloating], noise_variance: float) -> float:
    """-10 log10(mean(noise_variance / |h|^2)) [dB].

    Args:
        gains: h, complex, any shape.
        noise_variance: Per complex symbol [linear], above 0.
    """
    power = np.maximum(gains.real**2 + gains.imag**2, _MIN_GAIN_POWER).astype(np.float64)
    return -linear_to_db(float(np.mean(noise_variance / power)))


def equalise_frame(y: NDArray[np.complex64], state: frame_pb2.ChannelState) -> Equalised:
    """Equalise one frame as its channel state allows.

    Args:
        y: Received symbols, complex64, shape [num_tokens, num_symbols_per_token].
        state: With gains for csi=perfect and mismatched (which err), received pilots for csi=estimated.

    Raises:
        InvalidField: If the CSI mode is unknown, or the noise variance, gains or pilots cannot be right.
    """
    if not (math.isfinite(state.noise_variance) and state.noise_variance > 0):
        raise InvalidField("state.noise_variance", state.noise_variance, "a finite number above 0")
    if state.csi not in _BY_CSI:
        raise InvalidField("state.csi", state.csi, ", ".join(_BY_CSI))
    return _BY_CSI[state.csi](y, state)


def _with_known_gains(y: NDArray[np.complex64], state: frame_pb2.ChannelState) -> Equalised:
    gains = unpack_symbols(state.gains, "state.gains")
    if gains.shape not in ((1, 1), y.shape):
        raise InvalidField(
            "state.gains.shape", list(gains.shape), f"[1, 1] or that of the symbols, {list(y.shape)}"
        )
    return _with_gains(y, gains, state.noise_variance)


def _with_estimated_gain(y: NDArray[np.complex64], state: frame_pb2.ChannelState) -> Equalised:
    """Least squares: each pilot was sent as 1+0j, so their mean estimates the block's gain."""
    pilots = unpack_symbols(state.received_pilots, "state.received_pilots")
    if pilots.shape[0] != 1:
        raise InvalidField("state.received_pilots.shape", list(pilots.shape), "[1, num_pilots]")
    return _with_gains(y, pilots.mean(axis=1, keepdims=True, dtype=np.complex64), state.noise_variance)


def _without_csi(y: NDArray[np.complex64], state: frame_pb2.ChannelState) -> Equalised:
    return Equalised(y, -linear_to_db(state.noise_variance))


def _with_gains(y: NDArray[np.complex64], gains: NDArray[np.complex64], noise_variance: float) -> Equalised:
    return Equalised(equalise(y, gains, noise_variance), post_equalisation_snr_db(gains, noise_variance))


_BY_CSI: dict[str, Callable[[NDArray[np.complex64], frame_pb2.ChannelState], Equalised]] = {
    "perfect": _with_known_gains,
    "mismatched": _with_known_gains,
    "estimated": _with_estimated_gain,
    "none": _without_csi,
}
