"""Undoes the channel's gain as far as the link's CSI mode allows. NumPy only.

    received y ──▶ gain estimate h_hat (by CSI mode) ──▶ MMSE or zero forcing ──▶ x_hat

With a unit-power sent symbol the linear estimator of least mean squared error is

    x_hat = conj(h) y / (|h|^2 + noise_variance)

It is biased towards zero. The unbiased estimator is that of zero forcing, x_hat = y / h = x + n / h, whose
noise has the variance noise_variance / |h|^2. The post-equalisation SNR is stated as that of zero-forced
symbols, whichever the system takes: 1 / mean(noise_variance / |h|^2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protos.semcom.v1 import frame_pb2
from shared.errors import InvalidField
from shared.signal import equalise, linear_to_db
from shared.wire import unpack_symbols
from systems.base import EqualiserName, Received

# Below this |h|^2 a symbol is lost for every purpose; the floor keeps the reported SNR finite.
_MIN_GAIN_POWER = 1e-12
# Far beyond every SNR of a link; their squares are still numbers.
_MIN_NOISE_VARIANCE, _MAX_NOISE_VARIANCE = 1e-30, 1e30


@dataclass(frozen=True)
class Equalised:
    """One frame after the equaliser.

    Attributes:
        received: What the system's receiver gets.
        post_equalisation_snr_db: SNR the receiver expects of zero-forced symbols [dB]; finite.
    """

    received: Received
    post_equalisation_snr_db: float


def post_equalisation_snr_db(gains: NDArray[np.complexfloating], noise_variance: float) -> float:
    """-10 log10(mean(noise_variance / |h|^2)) [dB].

    Args:
        gains: h, complex, any shape.
        noise_variance: Per complex symbol [linear], above 0.
    """
    power = np.maximum(gains.real**2 + gains.imag**2, _MIN_GAIN_POWER).astype(np.float64)
    return -linear_to_db(float(np.mean(noise_variance / power)))


def equalise_frame(
    y: NDArray[np.complex64], state: frame_pb2.ChannelState, equaliser: EqualiserName
) -> Equalised:
    """Equalise one frame as its channel state allows.

    Args:
        y: Received symbols, complex64, shape [num_tokens, num_symbols_per_token].
        state: With gains for csi=perfect and mismatched (which err), received pilots for csi=estimated.
        equaliser: Which one.

    Raises:
        InvalidField: If the CSI mode is unknown, or the noise variance, gains or pilots cannot be right.
    """
    if not _MIN_NOISE_VARIANCE <= state.noise_variance <= _MAX_NOISE_VARIANCE:
        allowed = f"{_MIN_NOISE_VARIANCE:g} to {_MAX_NOISE_VARIANCE:g}"
        raise InvalidField("state.noise_variance", state.noise_variance, allowed)
    if state.csi not in _BY_CSI:
        raise InvalidField("state.csi", state.csi, ", ".join(_BY_CSI))
    estimate = _BY_CSI[state.csi](y, state)
    if estimate is None:
        return Equalised(_as_received(y, state.noise_variance), -linear_to_db(state.noise_variance))
    received = _EQUALISERS[equaliser](y, estimate, state.noise_variance)
    return Equalised(received, post_equalisation_snr_db(estimate.gains, state.noise_variance))


@dataclass(frozen=True)
class _Estimate:
    """What the receiver takes for the gains.

    Attributes:
        gains: h_hat, complex64, shape [1, 1] or that of the received symbols.
        error_variance: E|h - h_hat|^2 that it knows of [linear].
    """

    gains: NDArray[np.complex64]
    error_variance: float


def _known_gains(y: NDArray[np.complex64], state: frame_pb2.ChannelState) -> _Estimate:
    """The gains that came with the frame; of an error in them (csi=mismatched) the receiver knows nothing."""
    gains = unpack_symbols(state.gains, "state.gains")
    if gains.shape not in ((1, 1), y.shape):
        raise InvalidField(
            "state.gains.shape", list(gains.shape), f"[1, 1] or that of the symbols, {list(y.shape)}"
        )
    return _Estimate(gains, 0.0)


def _estimated_gain(y: NDArray[np.complex64], state: frame_pb2.ChannelState) -> _Estimate:
    """Least squares: each pilot was sent as 1+0j, so their mean estimates the block's gain."""
    pilots = unpack_symbols(state.received_pilots, "state.received_pilots")
    if pilots.shape[0] != 1:
        raise InvalidField("state.received_pilots.shape", list(pilots.shape), "[1, num_pilots]")
    gain = pilots.mean(axis=1, keepdims=True, dtype=np.complex64)
    return _Estimate(gain, state.noise_variance / pilots.size)


def _mmse(y: NDArray[np.complex64], estimate: _Estimate, noise_variance: float) -> Received:
    """The error of x_hat = a h x + a n is (a h - 1) x + a n, and what is not known of h adds to n."""
    power = _power(estimate.gains)
    noise_power = power * (noise_variance + estimate.error_variance)
    squared_error = (noise_variance**2 + noise_power) / (power + noise_variance) ** 2
    return _as_received(equalise(y, estimate.gains, noise_variance), squared_error)


def _zero_forcing(y: NDArray[np.complex64], estimate: _Estimate, noise_variance: float) -> Received:
    power = np.maximum(_power(estimate.gains), _MIN_GAIN_POWER)
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # of absurd symbols; what reads x_hat may find infinity
        x_hat = (np.conj(estimate.gains) * y / power).astype(np.complex64)
    return _as_received(x_hat, (noise_variance + estimate.error_variance) / power)


def _power(gains: NDArray[np.complexfloating]) -> NDArray[np.float64]:
    power: NDArray[np.float64] = gains.real.astype(np.float64) ** 2 + gains.imag.astype(np.float64) ** 2
    return power


def _as_received(x_hat: NDArray[np.complex64], noise_variance: NDArray[np.float64] | float) -> Received:
    return Received(x_hat, np.broadcast_to(np.asarray(noise_variance, np.float32), x_hat.shape))


# Without CSI there is no estimate, and the symbols are taken as they came.
_BY_CSI: Mapping[str, Callable[[NDArray[np.complex64], frame_pb2.ChannelState], _Estimate | None]] = {
    "perfect": _known_gains,
    "mismatched": _known_gains,
    "estimated": _estimated_gain,
    "none": lambda y, state: None,
}
_EQUALISERS: Mapping[EqualiserName, Callable[[NDArray[np.complex64], _Estimate, float], Received]] = {
    "mmse": _mmse,
    "zero_forcing": _zero_forcing,
}
