"""The channels: y = h x + n. NumPy only.

A frame's draw depends on (seed, frame number) alone. Gains, noise and pilot noise come from separate
substreams of a counter-based generator, so that a frame meets the same noise whatever the fading, a change of
SNR only scales it, and systems can be compared draw by draw.

Shapes: L tokens, S symbols a token.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from channel_service.radio.fadings import FADINGS
from channel_service.radio.models import MODELS, DrawInputs
from channel_service.radio.random_streams import Complex, Substream, complex_normal, generator
from channel_service.radio.settings import Channel
from shared.errors import InvalidField
from shared.signal import db_to_linear, energy, linear_to_db, noise_variance_from_snr_db

__all__ = [
    "FADINGS",
    "MODELS",
    "Channel",
    "Complex",
    "Draw",
    "apply",
    "check_channel",
    "draw",
    "draw_with_gains",
]

# Floor of an energy: one symbol in a deep fade, or one that met no noise, must not make an SNR infinite.
_MIN_ENERGY = 1e-30


class Draw(NamedTuple):
    """One frame's channel.

    Attributes:
        gains: h, complex64, [1, 1] (flat and block) or [L, S]; E|h|^2 = 1.
        noise: n, complex64, [L, S], CN(0, noise_variance).
        received_pilots: h + n_p, complex64, [1, num_pilots]; None without pilots.
        noise_variance: Per complex symbol [linear].
        mismatched_gains: h + e, what a receiver with mismatched CSI takes for h; None without a stated error.
    """

    gains: Complex
    noise: Complex
    received_pilots: Complex | None
    noise_variance: float
    mismatched_gains: Complex | None = None


def check_channel(channel: Channel) -> None:
    """Make sure that settings go together.

    Raises:
        InvalidField: If the model or fading is unknown, or pilots are to tell of more than one gain.
    """
    if channel.model not in MODELS:
        raise InvalidField("channel", channel.model, ", ".join(MODELS))
    if channel.fading not in FADINGS:
        raise InvalidField("fading", channel.fading, ", ".join(FADINGS))
    one_gain = FADINGS[channel.fading].takes_pilots and not channel.coherence_symbols
    if channel.num_pilots and not (one_gain and MODELS[channel.model].is_flat):
        allowed = ", ".join(name for name, fading in FADINGS.items() if fading.takes_pilots)
        raise InvalidField(
            "csi",
            "estimated",
            f"fading={allowed} with coherence_symbols=0 and no tdl-*: pilots tell of one gain a frame",
        )


def draw(channel: Channel, frame_number: int, shape: tuple[int, int]) -> Draw:
    """Draw one frame's channel.

    Args:
        channel: Settings of the link.
        frame_number: uint64.
        shape: Of the frame's symbols, [L, S].

    Raises:
        InvalidField: If the settings do not go together.
    """
    check_channel(channel)
    paths = FADINGS[channel.fading].paths(channel, frame_number, shape)
    gains = MODELS[channel.model].gains(DrawInputs(channel, frame_number, shape, paths))
    return draw_with_gains(
        channel, frame_number, shape, gains, float(noise_variance_from_snr_db(channel.snr_db))
    )


def draw_with_gains(
    channel: Channel, frame_number: int, shape: tuple[int, int], gains: Complex, noise_variance: float
) -> Draw:
    """The draw around known gains: noise, pilots and what the receiver is told.

    Args:
        channel: Its seed, pilots and CSI error count; model and SNR do not.
        frame_number: uint64.
        shape: Of the frame's symbols, [L, S].
        gains: h, complex64, [1, 1] or [L, S].
        noise_variance: Per complex symbol [linear].

    Raises:
        InvalidField: If the gains are of another shape.
    """
    if gains.shape not in ((1, 1), shape):
        raise InvalidField("symbols.shape", list(shape), f"{list(gains.shape)}, as the gains")
    source = (channel.seed, frame_number)
    noise = _scaled_normal(generator(*source, Substream.NOISE), shape, noise_variance)
    pilots = told = None
    if channel.num_pilots:
        pilot_noise = generator(*source, Substream.PILOT_NOISE)
        # They are sent just before the frame: of gains that change they tell the first.
        pilots = gains[:1, :1] + _scaled_normal(pilot_noise, (1, channel.num_pilots), noise_variance)
    if channel.csi_error_db is not None:
        error = generator(*source, Substream.CSI_ERROR)
        told = gains + _scaled_normal(error, gains.shape, db_to_linear(channel.csi_error_db))
    return Draw(gains, noise, pilots, noise_variance, told)


def _scaled_normal(rng: np.random.Generator, shape: tuple[int, ...], variance: float) -> Complex:
    """CN(0, variance), complex64: unit draws, scaled afterwards, so that every variance shares them."""
    values = complex_normal(rng, shape)
    values *= np.float32(math.sqrt(variance))
    return values


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
    faded = _multiply(drawn.gains, x)
    realised_snr_db = linear_to_db(max(energy(faded), _MIN_ENERGY) / max(energy(drawn.noise), _MIN_ENERGY))
    faded += drawn.noise
    return faded, realised_snr_db


def _multiply(h: Complex, x: Complex) -> Complex:
    """H x, each product rounded on its own.

    NumPy's complex product fuses a multiplication with an addition where the processor can: its last bit
    would differ from machine to machine, and a replay with it.
    """
    product, turned = h.real * x, h.imag * x  # real factors: nothing to fuse
    product.real -= turned.imag
    product.imag += turned.real
    return product
