"""Bit error rates of 16-QAM with hard decisions over real gRPC, compared with closed forms.

There are so many symbols that three standard deviations of the estimate are below the allowed 3 %.
"""

import math

import numpy as np
import pytest
from channel_harness import make_frame

from protos.semcom.v1 import channel_service_pb2 as pb
from shared.wire import unpack_symbols

TOLERANCE = 0.03


# Gray mapping of two bits to one dimension of 16-QAM, and back; E|x|^2 = 1.
LEVELS = np.array([-3, -1, 3, 1], np.float32) / np.float32(math.sqrt(10))


def qam16_awgn_ber(snr: float) -> float:
    """3/4 Q(a) + 1/2 Q(3 a) - 1/4 Q(5 a), a = sqrt(gamma / 5)."""
    weights = ((1, 0.75), (3, 0.5), (5, -0.25))
    return sum(weight * 0.5 * math.erfc(steps * math.sqrt(snr / 10)) for steps, weight in weights)


def qam16_rayleigh_ber(snr: float) -> float:
    """Each Q(c a) of AWGN over an exponential gamma: (1 - sqrt(g / (1 + g))) / 2, g = c^2 gamma / 10."""
    weights = ((1, 0.75), (3, 0.5), (5, -0.25))
    powers = ((weight, steps**2 * snr / 10) for steps, weight in weights)
    return sum(weight * 0.5 * (1 - math.sqrt(g / (1 + g))) for weight, g in powers)


def qam16_frame(rng: np.random.Generator, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Every point of 16-QAM equally often, in random order: bits [columns, 4], symbols [1, columns]."""
    points = rng.permutation(np.arange(columns) % 16)
    bits = (points[:, None] >> np.arange(4)) & 1
    return bits, (LEVELS[points % 4] + 1j * LEVELS[points // 4]).astype(np.complex64)[None]


def qam16_errors(bits: np.ndarray, received) -> int:
    """Decide for the nearest level in each dimension of y / h."""
    x_hat = (unpack_symbols(received.frame.symbols) / unpack_symbols(received.state.gains)).ravel()
    decided = [np.argmin(np.abs(part[:, None] - LEVELS), axis=1) for part in (x_hat.real, x_hat.imag)]
    points = decided[0] + 4 * decided[1]
    return int(np.count_nonzero(((points[:, None] >> np.arange(4)) & 1) != bits))


@pytest.mark.parametrize(
    ("channel", "fading", "closed_form", "snr_db"),
    [
        *(("awgn", "block", qam16_awgn_ber, snr_db) for snr_db in (5.0, 12.0)),
        *(("rayleigh", "symbol", qam16_rayleigh_ber, snr_db) for snr_db in (5.0, 20.0)),
    ],
)
async def test_16_qam_bit_error_rate(harness, channel, fading, closed_form, snr_db):
    columns, rng = 240_000, np.random.default_rng(3)
    bits, x = qam16_frame(rng, columns)
    overrides = pb.LinkSettings(channel=channel, fading=fading, snr_db=snr_db, seed=4)
    request = pb.PropagateRequest(frames=[make_frame("a", x, frame_number=1)], overrides=overrides)
    (received,) = (await harness.stub.Propagate(request, timeout=120)).frames
    ber = qam16_errors(bits, received) / (4 * columns)
    assert ber == pytest.approx(closed_form(10 ** (snr_db / 10)), rel=TOLERANCE)


# (SNR [dB], number of requests, frames in a request, symbols in a frame)
