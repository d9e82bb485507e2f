"""Channel models without delay spread: the gain is the same at every frequency."""

from __future__ import annotations

import numpy as np

from channel_service.radio.fadings import FADINGS
from channel_service.radio.models.base import DrawInputs, Model
from channel_service.radio.random_streams import Complex
from shared.errors import InvalidField
from shared.link_settings import LinkSetting
from shared.signal import db_to_linear

K_FACTOR_DB = LinkSetting(
    "k_factor_db",
    6.0,
    "Power of the line of sight over the power of the scattered paths",
    unit="dB",
    minimum=-20,
    maximum=40,
    title="K factor",
)
NAKAGAMI_M = LinkSetting(
    "nakagami_m", 2.0, "Shape of the distribution; 1 is Rayleigh", minimum=0.5, maximum=100
)


class Awgn(Model):
    """H = 1."""

    title = "AWGN"

    def gains(self, inputs: DrawInputs) -> Complex:
        """Return the gain 1, [1, 1], with every fading; nothing is drawn."""
        return np.ones((1, 1), dtype=np.complex64)


class Rayleigh(Model):
    """H = g ~ CN(0, 1): |h| is Rayleigh with E|h|^2 = 1."""

    def gains(self, inputs: DrawInputs) -> Complex:
        """Return one path."""
        return next(inputs.paths)


class Rician(Model):
    """H = sqrt(K / (K + 1)) + sqrt(1 / (K + 1)) g, g ~ CN(0, 1); the line of sight has phase 0."""

    parameters = (K_FACTOR_DB,)

    def gains(self, inputs: DrawInputs) -> Complex:
        """Return the sum of the line of sight and one scattered path."""
        k = db_to_linear(inputs.channel[K_FACTOR_DB])
        fixed, scattered = np.sqrt(k / (k + 1)), np.sqrt(1 / (k + 1))
        return np.asarray(np.float32(fixed) + np.float32(scattered) * next(inputs.paths))


class Nakagami(Model):
    """|h|^2 ~ Gamma(m, 1/m), with uniform phase; m = 1 is Rayleigh.

    The power |g|^2 of a path is exponential, so exp(-|g|^2) is uniform. The inverse of the survival function
    of the Gamma distribution maps it to the power of the gain. The phase of the path is kept. So the gain
    changes with time as the path does.
    """

    parameters = (NAKAGAMI_M,)

    def gains(self, inputs: DrawInputs) -> Complex:
        """Return one path whose magnitude is mapped to the Nakagami distribution."""
        # The import takes a tenth of a second, which links with other models do not have to wait for.
        from scipy.special import gammainccinv

        m, g = inputs.channel[NAKAGAMI_M], next(inputs.paths).astype(np.complex128)
        power = g.real**2 + g.imag**2
        wanted = gammainccinv(m, np.exp(-power)) / m
        gains: Complex = (g * np.sqrt(wanted / np.maximum(power, np.finfo(float).tiny))).astype(np.complex64)
        return gains


class Trace(Model):
    """Plays recorded gains of unit mean power, again from the start when they end."""

    title = "recorded trace"
    needs_trace = True

    def gains(self, inputs: DrawInputs) -> Complex:
        """Return the trace's gains at the positions that the fading gives."""
        channel = inputs.channel
        if channel.trace_gains is None:
            raise InvalidField("trace", "", "the name of a recorded trace")
        positions = FADINGS[channel.fading].positions
        if positions is None:
            raise InvalidField(
                "fading", channel.fading, "block or symbol, because a trace has its own change with time"
            )
        where = positions(channel, inputs.frame_number, inputs.shape, len(channel.trace_gains))
        return channel.trace_gains[where]
