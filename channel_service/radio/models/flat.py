"""Models whose gain is one number at a time: no delay spread."""

from __future__ import annotations

import numpy as np

from channel_service.radio.fadings import FADINGS
from channel_service.radio.models.base import DrawInputs, Model
from channel_service.radio.random_streams import Complex
from shared.errors import InvalidField
from shared.signal import db_to_linear


class Awgn(Model):
    """H = 1."""

    def gains(self, inputs: DrawInputs) -> Complex:
        """One gain, whatever the fading: nothing is drawn."""
        return np.ones((1, 1), dtype=np.complex64)


class Rayleigh(Model):
    """H = g ~ CN(0, 1): |h| is Rayleigh with E|h|^2 = 1."""

    def gains(self, inputs: DrawInputs) -> Complex:
        """One path."""
        return next(inputs.paths)


class Rician(Model):
    """H = sqrt(K / (K + 1)) + sqrt(1 / (K + 1)) g, g ~ CN(0, 1); the line of sight has phase 0."""

    has_k_factor = True

    def gains(self, inputs: DrawInputs) -> Complex:
        """The fixed path and a scattered one."""
        k = db_to_linear(inputs.channel.k_factor_db)
        fixed, scattered = np.sqrt(k / (k + 1)), np.sqrt(1 / (k + 1))
        return np.asarray(np.float32(fixed) + np.float32(scattered) * next(inputs.paths))


class Nakagami(Model):
    """|h|^2 ~ Gamma(m, 1/m), the phase uniform; m = 1 is Rayleigh.

    A path's power |g|^2 is exponential, so exp(-|g|^2) is uniform, and the inverse of Gamma's survival
    function makes it Gamma's; the phase stays. Hence Nakagami gains fade as their paths do.
    """

    def gains(self, inputs: DrawInputs) -> Complex:
        """One path with its envelope remapped."""
        # SciPy's special functions take a tenth of a second to import, which other links need not wait for.
        from scipy.special import gammainccinv

        m, g = inputs.channel.nakagami_m, next(inputs.paths).astype(np.complex128)
        power = g.real**2 + g.imag**2
        wanted = gammainccinv(m, np.exp(-power)) / m
        gains: Complex = (g * np.sqrt(wanted / np.maximum(power, np.finfo(float).tiny))).astype(np.complex64)
        return gains


class Trace(Model):
    """Plays recorded gains back, over and over; scaled to unit mean power."""

    needs_trace = True

    def gains(self, inputs: DrawInputs) -> Complex:
        """The gains at the fading's positions in the trace."""
        channel = inputs.channel
        if channel.trace_gains is None:
            raise InvalidField("trace", "", "the name of a recorded trace")
        positions = FADINGS[channel.fading].positions
        if positions is None:
            raise InvalidField("fading", channel.fading, "block or symbol: a trace brings its own time")
        where = positions(channel, inputs.frame_number, inputs.shape, len(channel.trace_gains))
        return channel.trace_gains[where]
