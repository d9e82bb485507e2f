"""The channels: y = h x + n. NumPy only.

A frame's draw depends on (seed, frame number) alone. Gains, noise and pilot noise come from separate
substreams of a counter-based generator, so that a frame meets the same noise whatever the fading, a change of
SNR only scales it, and systems can be compared draw by draw.

Shapes: L tokens, S symbols a token.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from shared.errors import InvalidField
from shared.signal import db_to_linear, energy, linear_to_db, noise_variance_from_snr_db

Complex = NDArray[np.complex64]
# Floor of an energy: one symbol in a deep fade, or one that met no noise, must not make an SNR infinite.
_MIN_ENERGY = 1e-30
# CN(0, 1) has half its power in each real dimension.
_DEVIATION_A_REAL = np.float32(np.sqrt(0.5))


class Substream(IntEnum):
    """Independent random streams of one frame."""

    NOISE = 0
    GAINS = 1
    PILOT_NOISE = 2


class _Kept(threading.local):
    """The generators of one thread."""

    def __init__(self) -> None:
        self.generators = {substream: np.random.Generator(np.random.Philox()) for substream in Substream}


_KEPT = _Kept()
# Of a Philox that has drawn nothing yet.
_EMPTY_BUFFER = {"buffer": (0, 0, 0, 0), "buffer_pos": 4, "has_uint32": 0, "uinteger": 0}


def generator(seed: int, frame_number: int, substream: Substream) -> np.random.Generator:
    """The random source of one substream of one frame.

    Philox with key = (seed, frame number), both uint64; the substream is the highest word of its counter, so
    that streams of 2^192 draws never meet. A thread keeps one generator a substream, for making one takes
    longer than drawing a short frame, and sets it anew: use it up before the next frame's is asked for.
    """
    rng = _KEPT.generators[substream]
    rng.bit_generator.state = {
        "bit_generator": "Philox",
        "state": {"counter": (0, 0, 0, substream), "key": (seed, frame_number)},
        **_EMPTY_BUFFER,
    }
    return rng


def complex_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Complex:
    """CN(0, 1): half the power in each real dimension; complex64 of the given shape."""
    reals = rng.standard_normal((*shape[:-1], 2 * shape[-1]), dtype=np.float32)
    reals *= _DEVIATION_A_REAL
    return reals.view(np.complex64)


@dataclass(frozen=True)
class Channel:
    """What one link does to symbols.

    Attributes:
        model: A row of MODELS: awgn, rayleigh, rician.
        fading: A row of FADINGS: block (one gain a frame) or symbol (independent gains).
        snr_db: Es/N0 per complex symbol [dB].
        k_factor_db: Rician: power of the fixed path over that of the scattered ones [dB].
        seed: With the frame number it fixes the draw; uint64.
        num_pilots: Pilot symbols (1+0j) sent through the frame's gain; 0 for none.
    """

    model: str = "awgn"
    fading: str = "block"
    snr_db: float = 12.0
    k_factor_db: float = 6.0
    seed: int = 0
    num_pilots: int = 0


@dataclass(frozen=True)
class Draw:
    """One frame's channel.

    Attributes:
        gains: h, complex64, [1, 1] (block) or [L, S] (symbol); E|h|^2 = 1.
        noise: n, complex64, [L, S], CN(0, noise_variance).
        received_pilots: h + n_p, complex64, [1, num_pilots]; None without pilots.
        noise_variance: Per complex symbol [linear].
    """

    gains: Complex
    noise: Complex
    received_pilots: Complex | None
    noise_variance: float


def _awgn(rng: np.random.Generator, shape: tuple[int, ...], channel: Channel) -> Complex:
    """H = 1."""
    return np.ones(shape, dtype=np.complex64)


def _rayleigh(rng: np.random.Generator, shape: tuple[int, ...], channel: Channel) -> Complex:
    """H ~ CN(0, 1): |h| is Rayleigh with E|h|^2 = 1."""
    return complex_normal(rng, shape)


def _rician(rng: np.random.Generator, shape: tuple[int, ...], channel: Channel) -> Complex:
    """H = sqrt(K / (K + 1)) + sqrt(1 / (K + 1)) g, g ~ CN(0, 1): E|h|^2 = 1."""
    k = db_to_linear(channel.k_factor_db)
    fixed, scattered = np.sqrt(k / (k + 1)), np.sqrt(1 / (k + 1))
    return np.asarray(np.float32(fixed) + np.float32(scattered) * complex_normal(rng, shape))


@dataclass(frozen=True)
class Model:
    """One channel model.

    Attributes:
        draw_gains: Draws h, complex64 of the given shape, E|h|^2 = 1.
        has_k_factor: Its gains depend on the K factor.
    """

    draw_gains: Callable[[np.random.Generator, tuple[int, ...], Channel], Complex]
    has_k_factor: bool = False


MODELS: Mapping[str, Model] = {
    "awgn": Model(_awgn),
    "rayleigh": Model(_rayleigh),
    "rician": Model(_rician, has_k_factor=True),
}

FADINGS: Mapping[str, Callable[[tuple[int, int]], tuple[int, int]]] = {
    "block": lambda shape: (1, 1),
    "symbol": lambda shape: shape,
}


def draw(channel: Channel, frame_number: int, shape: tuple[int, int]) -> Draw:
    """Draw one frame's channel.

    Args:
        channel: Settings of the link.
        frame_number: uint64.
        shape: Of the frame's symbols, [L, S].

    Raises:
        InvalidField: If the model or fading is unknown, or pilots are to tell of gains drawn for each symbol.
    """
    if channel.model not in MODELS:
        raise InvalidField("channel", channel.model, ", ".join(MODELS))
    if channel.fading not in FADINGS:
        raise InvalidField("fading", channel.fading, ", ".join(FADINGS))
    if channel.num_pilots and channel.fading != "block":
        raise InvalidField(
            "csi", "estimated", "fading=block: pilots tell nothing of gains that each symbol draws"
        )
    variance = float(noise_variance_from_snr_db(channel.snr_db))
    deviation = np.float32(np.sqrt(variance))

    def source(substream: Substream) -> np.random.Generator:
        return generator(channel.seed, frame_number, substream)

    gains = MODELS[channel.model].draw_gains(source(Substream.GAINS), FADINGS[channel.fading](shape), channel)
    noise = deviation * complex_normal(source(Substream.NOISE), shape)
    pilots = None
    if channel.num_pilots:
        pilot_noise = complex_normal(source(Substream.PILOT_NOISE), (1, channel.num_pilots))
        pilots = gains + deviation * pilot_noise
    return Draw(gains, noise, pilots, variance)


def apply(x: Complex, drawn: Draw) -> tuple[Complex, float]:
    """Send a frame through a draw: y = h x + n.

    Args:
        x: Sent symbols, complex64, [L, S], unit mean power.
        drawn: For x's shape.

    Returns:
        y, complex64, [L, S], and the realised SNR, sum|h x|^2 / sum|n|^2 [dB], always finite.

    Raises:
        InvalidField: If the draw is for another shape.

    Source: MFMSC, eq. (2).
    """
    if x.shape != drawn.noise.shape:
        raise InvalidField("symbols.shape", list(x.shape), f"{list(drawn.noise.shape)}, as drawn")
    faded = drawn.gains * x
    realised_snr_db = linear_to_db(max(energy(faded), _MIN_ENERGY) / max(energy(drawn.noise), _MIN_ENERGY))
    return faded + drawn.noise, realised_snr_db
