"""The radio channel: y = h x + n. Uses NumPy only.

A frame's draw depends on (seed, frame number) alone. Gains, noise and pilot noise come from separate
substreams of a counter-based random generator. So a frame gets the same noise with every fading, a change of
the SNR only scales the noise, and two systems can be compared draw by draw.

Shapes: L tokens, S symbols in each token.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from channel_service.radio.fadings import COHERENCE_SYMBOLS, FADINGS
from channel_service.radio.models import MODELS, DrawInputs
from channel_service.radio.parameters import parameters
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

# Lowest energy: the SNR stays finite if a frame is in a deep fade or has no noise.
_MIN_ENERGY = 1e-30


class Draw(NamedTuple):
    """One frame's channel.

    Attributes:
        gains: Gains h, complex64, [1, 1] (one gain for the whole frame) or [L, S]; E|h|^2 = 1.
        noise: Noise n, complex64, [L, S], CN(0, noise_variance).
        received_pilots: Received pilots h + n_p, complex64, [1, num_pilots]; None without pilots.
        noise_variance: Noise variance per complex symbol [linear].
        mismatched_gains: Gains with an error, h + e, which a receiver with mismatched CSI uses as h,
            complex64, shape of `gains`; None if the channel has no CSI error.
    """

    gains: Complex
    noise: Complex
    received_pilots: Complex | None
    noise_variance: float
    mismatched_gains: Complex | None = None


def check_channel(channel: Channel) -> None:
    """Check that a channel's settings can be used together.

    Raises:
        InvalidField: If the model, the fading or a parameter is unknown, or if pilots are set and a frame
            has several gains.
    """
    if channel.model not in MODELS:
        raise InvalidField("channel", channel.model, ", ".join(MODELS))
    if channel.fading not in FADINGS:
        raise InvalidField("fading", channel.fading, ", ".join(FADINGS))
    for name in channel.parameters.keys() - parameters().keys():
        raise InvalidField(name, channel.parameters[name], f"a parameter: {', '.join(parameters())}")
    one_gain = FADINGS[channel.fading].takes_pilots and not channel[COHERENCE_SYMBOLS]
    if channel.num_pilots and not (one_gain and MODELS[channel.model].is_flat):
        allowed = ", ".join(name for name, fading in FADINGS.items() if fading.takes_pilots)
        raise InvalidField(
            "csi",
            "estimated",
            f"fading={allowed} with coherence_symbols=0 and no tdl-*: pilots measure one gain a frame",
        )


def draw(channel: Channel, frame_number: int, shape: tuple[int, int]) -> Draw:
    """Draw one frame's channel.

    Args:
        channel: Settings of the channel.
        frame_number: Number of the frame, uint64.
        shape: Shape of the frame's symbols, [L, S].

    Raises:
        InvalidField: If the settings cannot be used together.
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
    """Draw the rest of a frame's channel for given gains: noise, received pilots and mismatched gains.

    Args:
        channel: Settings of the channel; only seed, num_pilots and csi_error_db are used.
        frame_number: Number of the frame, uint64.
        shape: Shape of the frame's symbols, [L, S].
        gains: Gains h, complex64, [1, 1] or [L, S].
        noise_variance: Noise variance per complex symbol [linear].

    Raises:
        InvalidField: If the gains have neither of these shapes.
    """
    if gains.shape not in ((1, 1), shape):
        raise InvalidField("symbols.shape", list(shape), f"{list(gains.shape)}, as the gains")
    source = (channel.seed, frame_number)
    noise = _scaled_normal(generator(*source, Substream.NOISE), shape, noise_variance)
    pilots = mismatched = None
    if channel.num_pilots:
        pilot_noise = generator(*source, Substream.PILOT_NOISE)
        # Pilots are sent just before the frame, so they measure the first gain if the gain changes.
        pilots = gains[:1, :1] + _scaled_normal(pilot_noise, (1, channel.num_pilots), noise_variance)
    if channel.csi_error_db is not None:
        error = generator(*source, Substream.CSI_ERROR)
        mismatched = gains + _scaled_normal(error, gains.shape, db_to_linear(channel.csi_error_db))
    return Draw(gains, noise, pilots, noise_variance, mismatched)


def _scaled_normal(rng: np.random.Generator, shape: tuple[int, ...], variance: float) -> Complex:
    """CN(0, variance), complex64: a CN(0, 1) draw, scaled afterwards, so every variance has the same draw."""
    values = complex_normal(rng, shape)
    values *= np.float32(math.sqrt(variance))
    return values


def apply(x: Complex, drawn: Draw) -> tuple[Complex, float]:
    """Send a frame through a draw: y = h x + n.

    Args:
        x: Sent symbols, complex64, [L, S], unit mean power.
        drawn: The frame's channel, drawn for the shape of x.

    Returns:
        The received symbols y, complex64, [L, S], and the realised SNR, sum|h x|^2 / sum|n|^2 [dB], which is
        always finite.

    Raises:
        InvalidField: If the channel was drawn for another shape.

    Source: MFMSC, eq. (2).
    """
    if x.shape != drawn.noise.shape:
        raise InvalidField("symbols.shape", list(x.shape), f"{list(drawn.noise.shape)}, as drawn")
    faded = _multiply(drawn.gains, x)
    realised_snr_db = linear_to_db(max(energy(faded), _MIN_ENERGY) / max(energy(drawn.noise), _MIN_ENERGY))
    faded += drawn.noise
    return faded, realised_snr_db


def _multiply(h: Complex, x: Complex) -> Complex:
    """The product h x, in which each real product is rounded by itself.

    NumPy's complex product uses fused multiply-add instructions if the processor has them. Then the last bit,
    and with it a replay, would differ between machines.
    """
    product, by_imaginary = h.real * x, h.imag * x  # products with real numbers: nothing to fuse
    product.real -= by_imaginary.imag
    product.imag += by_imaginary.real
    return product
