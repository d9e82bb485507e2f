"""Fadings: how gains change with time. Each fading draws independent paths g ~ CN(0, 1) for one frame.

| fading | path g |
|---|---|
| block | one value for each frame, or one for each `coherence_symbols` symbols |
| symbol | an independent value for each symbol |
| doppler | correlated in time within and across frames: E[g(t) g*(t + tau)] = J0(2 pi doppler_hz tau) |

Shapes: L tokens, S symbols in each token, N sinusoids, R rows of C symbols.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from channel_service.radio.random_streams import Complex, Substream, complex_normal, generator
from channel_service.radio.settings import Channel
from shared.link_settings import LinkSetting
from shared.wire import MAX_SYMBOLS_PER_FRAME

COHERENCE_SYMBOLS = LinkSetting(
    "coherence_symbols",
    0,
    "Symbols that share a gain; 0: the whole frame",
    unit="symbols",
    minimum=0,
    maximum=MAX_SYMBOLS_PER_FRAME,
)
DOPPLER_HZ = LinkSetting("doppler_hz", 10.0, "Largest Doppler shift", unit="Hz", minimum=0, maximum=1_000_000)
FRAME_INTERVAL_MS = LinkSetting(
    "frame_interval_ms",
    1.0,
    "Time from the start of one frame to the start of the next",
    unit="ms",
    minimum=0,
    maximum=1_000_000,
)
Shape = tuple[int, int]
# With N equally spaced angles the autocorrelation is J0 to machine precision if 2 pi doppler_hz tau < N.
_NUM_SINUSOIDS = 64
# Beyond it a float keeps less than 33 bits of the fraction of a cycle, and later none: gains stand still.
_MAX_FLOAT_CYCLES = 2**20


@dataclass(frozen=True)
class Fading:
    """One kind of fading.

    Attributes:
        paths: Draws the independent paths of a frame, each CN(0, 1), complex64, [1, 1] or [L, S], from the
            channel's settings, the frame number and the shape [L, S].
        takes_pilots: True if pilots before a frame can measure its gain.
        positions: Gives the indices of a frame's gains in a trace, int64, [1, 1] or [L, S], from the
            channel's settings, the frame number, the shape [L, S] and the number of gains in the trace. None
            if the fading cannot be used with a trace.
        title: A few words for a form; the fading's name in FADINGS if it is empty.
        parameters: Numbers of a link that the paths depend on.
    """

    paths: Callable[[Channel, int, Shape], Iterator[Complex]]
    takes_pilots: bool
    positions: Callable[[Channel, int, Shape, int], NDArray[np.int64]] | None = None
    title: str = ""
    parameters: tuple[LinkSetting[Any], ...] = ()


def _block_numbers(channel: Channel, shape: Shape) -> NDArray[np.int64]:
    """Number of each symbol's block, [L, S]; [[0]] if the whole frame is one block."""
    if not channel[COHERENCE_SYMBOLS]:
        return np.zeros((1, 1), dtype=np.int64)
    return np.arange(math.prod(shape)).reshape(shape) // channel[COHERENCE_SYMBOLS]


def _block_paths(channel: Channel, frame_number: int, shape: Shape) -> Iterator[Complex]:
    rng = generator(channel.seed, frame_number, Substream.GAINS)
    if not channel[COHERENCE_SYMBOLS]:
        while True:
            yield complex_normal(rng, (1, 1))
    blocks = _block_numbers(channel, shape)
    while True:
        yield complex_normal(rng, (int(blocks.flat[-1]) + 1,))[blocks]


def _block_positions(channel: Channel, frame_number: int, shape: Shape, length: int) -> NDArray[np.int64]:
    blocks = _block_numbers(channel, shape)
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
    """Clarke's model: N waves of equal power from equally spaced angles, all rotated by one random angle.

    g(t) = 1/sqrt(N) sum_n exp(j (2 pi doppler_hz cos(2 pi (n + u) / N) t + phi_n))
    t = frame number * frame interval + symbol number / symbol rate

    The random rotation u and the random phases phi_n depend on the seed alone.

    Source: Xiao, Zheng and Beaulieu, "Novel sum-of-sinusoids simulation models for Rayleigh and Rician fading
    channels", IEEE Trans. Wireless Commun. 5(12), 2006.
    """
    rng = generator(channel.seed, 0, Substream.DOPPLER)
    while True:
        angles = 2 * np.pi * (np.arange(_NUM_SINUSOIDS) + rng.random()) / _NUM_SINUSOIDS
        shifts_hz = channel[DOPPLER_HZ] * np.cos(angles)
        first_cycles = rng.random(_NUM_SINUSOIDS) + _started_cycles(channel, frame_number, shifts_hz)
        yield _sum_of_sinusoids(first_cycles, shifts_hz / channel.symbol_rate_hz, shape)


def _started_cycles(
    channel: Channel, frame_number: int, shifts_hz: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fraction of a cycle at which each wave is when a frame starts, 0 to 1; right for every number."""
    start_s = frame_number * channel[FRAME_INTERVAL_MS] / 1e3
    if start_s * channel[DOPPLER_HZ] < _MAX_FLOAT_CYCLES:
        return start_s * shifts_hz % 1.0
    exact_s = frame_number * Fraction(channel[FRAME_INTERVAL_MS]) / 1000
    return np.array([float(exact_s * Fraction(shift_hz) % 1) for shift_hz in shifts_hz])


def _sum_of_sinusoids(
    first_cycles: NDArray[np.float64], cycles_a_symbol: NDArray[np.float64], shape: Shape
) -> Complex:
    """1/sqrt(N) sum_n exp(2 pi j (first_n + i step_n)) for symbol i, complex64, [L, S].

    The symbols are arranged in R rows of C. Because exp(j (a + b)) = exp(j a) exp(j b), the sum is then a
    product of two matrices. It needs R N + N C exponentials instead of N for each symbol.
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
    "block": Fading(
        _block_paths, takes_pilots=True, positions=_block_positions, parameters=(COHERENCE_SYMBOLS,)
    ),
    "symbol": Fading(_symbol_paths, takes_pilots=False, positions=_symbol_positions, title="every symbol"),
    "doppler": Fading(
        _doppler_paths, takes_pilots=True, title="Doppler", parameters=(DOPPLER_HZ, FRAME_INTERVAL_MS)
    ),
}
