"""How gains change with time: each row gives independent unit paths g ~ CN(0, 1) of one frame.

| row | g |
|---|---|
| block | one a frame, or one for each `coherence_symbols` symbols |
| symbol | independent for each symbol |
| doppler | correlated in time within and across frames: E[g(t) g*(t + tau)] = J0(2 pi doppler_hz tau) |

Shapes: L tokens, S symbols a token, N sinusoids, R rows of C symbols.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from channel_service.radio.random_streams import Complex, Substream, complex_normal, generator
from channel_service.radio.settings import Channel

Shape = tuple[int, int]
# With equally spaced angles the sum's autocorrelation is J0 to machine precision for 2 pi doppler tau < N.
_NUM_SINUSOIDS = 64


@dataclass(frozen=True)
class Fading:
    """One way of changing.

    Attributes:
        paths: Independent unit paths of a frame, complex64, [1, 1] or [L, S]; from channel, frame number
            and [L, S].
        takes_pilots: Pilots before a frame tell of its gain.
        positions: Where in a trace of so many gains a frame is; None where a trace's own time rules it out.
    """

    paths: Callable[[Channel, int, Shape], Iterator[Complex]]
    takes_pilots: bool
    positions: Callable[[Channel, int, Shape, int], NDArray[np.int64]] | None = None


def _spread(channel: Channel, shape: Shape) -> NDArray[np.int64]:
    """Number of each symbol's block, [L, S]; [[0]] where the frame is one block."""
    if not channel.coherence_symbols:
        return np.zeros((1, 1), dtype=np.int64)
    return np.arange(math.prod(shape)).reshape(shape) // channel.coherence_symbols


def _block_paths(channel: Channel, frame_number: int, shape: Shape) -> Iterator[Complex]:
    rng = generator(channel.seed, frame_number, Substream.GAINS)
    if not channel.coherence_symbols:
        while True:
            yield complex_normal(rng, (1, 1))
    blocks = _spread(channel, shape)
    while True:
        yield complex_normal(rng, (int(blocks.flat[-1]) + 1,))[blocks]


def _block_positions(channel: Channel, frame_number: int, shape: Shape, length: int) -> NDArray[np.int64]:
    blocks = _spread(channel, shape)
    first = frame_number * (int(blocks.flat[-1]) + 1) % length
    return (first + blocks) % length


def _symbol_paths(channel: Channel, frame_number: int, shape: Shape) -> Iterator[Complex]:
    rng = generator(channel.seed, frame_number, Substream.GAINS)
    while True:
        yield complex_normal(rng, shape)


def _symbol_positions(channel: Channel, frame_number: int, shape: Shape, length: int) -> NDArray[np.int64]:
    first = frame_number * math.prod(shape) % length
    return (first + np.arange(math.prod(shape)).reshape(shape)) % length


def _doppler_paths(channel: Channel, frame_number: int, shape: Shape) -> Iterator[Complex]:
    """Clarke's model: waves of equal power from N equally spaced angles, turned by a random one.

    g(t) = 1/sqrt(N) sum_n exp(j (2 pi doppler_hz cos(2 pi (n + u) / N) t + phi_n)), t = frame number times
    frame interval + symbol number / symbol rate; u and phi_n depend on the seed alone.

    Source: Xiao, Zheng and Beaulieu, "Novel sum-of-sinusoids simulation models for Rayleigh and Rician fading
    channels", IEEE Trans. Wireless Commun. 5(12), 2006.
    """
    rng = generator(channel.seed, 0, Substream.DOPPLER)
    start_s = frame_number * channel.frame_interval_ms / 1e3
    while True:
        angles = 2 * np.pi * (np.arange(_NUM_SINUSOIDS) + rng.random()) / _NUM_SINUSOIDS
        shifts_hz = channel.doppler_hz * np.cos(angles)
        first_cycles = rng.random(_NUM_SINUSOIDS) + start_s * shifts_hz % 1.0
        yield _sum_of_sinusoids(first_cycles, shifts_hz / channel.symbol_rate_hz, shape)


def _sum_of_sinusoids(
    first_cycles: NDArray[np.float64], cycles_a_symbol: NDArray[np.float64], shape: Shape
) -> Complex:
    """1/sqrt(N) sum_n exp(2 pi j (first_n + i step_n)) for symbol i, complex64, [L, S].

    exp(j (a + b)) = exp(j a) exp(j b): R rows of C symbols each are a product of matrices, which takes
    R N + N C exponentials instead of N for each symbol.
    """
    num_symbols = math.prod(shape)
    columns = math.isqrt(num_symbols - 1) + 1
    rows = np.arange(0, num_symbols, columns)
    coarse = np.exp(2j * np.pi * (first_cycles + rows[:, None] * cycles_a_symbol))  # [R, N]
    fine = np.exp(2j * np.pi * cycles_a_symbol[:, None] * np.arange(columns))  # [N, C]
    total = (coarse @ fine).ravel()[:num_symbols] / math.sqrt(_NUM_SINUSOIDS)
    path: Complex = total.reshape(shape).astype(np.complex64)
    return path


FADINGS: Mapping[str, Fading] = {
    "block": Fading(_block_paths, takes_pilots=True, positions=_block_positions),
    "symbol": Fading(_symbol_paths, takes_pilots=False, positions=_symbol_positions),
    "doppler": Fading(_doppler_paths, takes_pilots=True),
}
