"""The equaliser against closed forms, and its refusals."""

import math

import numpy as np
import pytest

from protos.semcom.v1 import frame_pb2
from receiver.equaliser import equalise_frame, post_equalisation_snr_db
from shared.errors import InvalidField
from shared.signal import equalise
from shared.wire import pack_symbols


def _complex(rng, shape, variance=1.0):
    return (math.sqrt(variance / 2) * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))).astype(
        np.complex64
    )


def _state(**fields):
    return frame_pb2.ChannelState(**{"csi": "perfect", "noise_variance": 0.1, **fields})


def test_mmse_follows_its_formula_symbol_by_symbol():
    y = np.array([[1 + 2j, -3 + 0.5j]], np.complex64)
    h = np.array([[0.5 - 1j, 2 + 0j]], np.complex64)
    expected = [[(0.5 + 1j) * (1 + 2j) / (1.25 + 0.25), 2 * (-3 + 0.5j) / (4 + 0.25)]]
    x_hat = equalise(y, h, 0.25)
    assert x_hat.dtype == np.complex64
    np.testing.assert_allclose(x_hat, expected, rtol=1e-6)


def test_without_noise_the_sent_symbols_come_back():
    rng = np.random.default_rng(1)
    x, h = _complex(rng, (4, 16)), np.array([[0.3 - 0.8j]], np.complex64)
    np.testing.assert_allclose(equalise(h * x, h, 1e-9), x, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 12.0])
def test_post_equalisation_snr_of_a_block_gain_is_the_received_snr(snr_db):
    h = np.array([[1.2 - 0.5j]], np.complex64)
    expected = snr_db + 10 * math.log10(1.2**2 + 0.5**2)
    assert post_equalisation_snr_db(h, 10 ** (-snr_db / 10)) == pytest.approx(expected, abs=1e-5)


def test_post_equalisation_snr_of_many_gains_is_the_harmonic_mean():
    gains = np.array([[1.0, 2.0, 0.5]], np.complex64)
    assert post_equalisation_snr_db(gains, 0.1) == pytest.approx(-10 * math.log10(0.1 * (1 + 0.25 + 4) / 3))


def test_post_equalisation_snr_of_a_dead_gain_is_finite():
    assert math.isfinite(post_equalisation_snr_db(np.zeros((1, 1), np.complex64), 1e-3))
    assert np.isfinite(equalise(np.ones((1, 2), np.complex64), np.zeros((1, 1), np.complex64), 1e-3)).all()


def test_perfect_csi_takes_block_and_symbol_gains():
    rng = np.random.default_rng(3)
    y = _complex(rng, (3, 4))
    for shape in ((1, 1), (3, 4)):
        gains = _complex(rng, shape)
        result = equalise_frame(y, _state(gains=pack_symbols(gains)), "mmse")
        np.testing.assert_allclose(
            result.received.symbols, np.conj(gains) * y / (np.abs(gains) ** 2 + 0.1), rtol=1e-5
        )
        assert result.post_equalisation_snr_db == pytest.approx(
            -10 * math.log10(np.mean(0.1 / np.abs(gains) ** 2)), abs=1e-4
        )


def test_estimated_csi_uses_the_mean_of_the_pilots():
    y = np.array([[1 + 1j, 2 - 1j]], np.complex64)
    pilots = np.array([[0.9 + 0.2j, 1.1 + 0.0j, 1.0 + 0.1j]], np.complex64)
    result = equalise_frame(y, _state(csi="estimated", received_pilots=pack_symbols(pilots)), "mmse")
    h_hat = 1.0 + 0.1j
    np.testing.assert_allclose(
        result.received.symbols, np.conj(h_hat) * y / (abs(h_hat) ** 2 + 0.1), rtol=1e-5
    )


@pytest.mark.parametrize("csi", ["perfect", "estimated"])
@pytest.mark.parametrize("equaliser", ["mmse", "zero_forcing"])
def test_the_stated_noise_variance_is_the_mean_squared_error(csi, equaliser):
    """With pilots, over all gains that the same pilots may come from: h = h_hat - (error of their mean)."""
    rng = np.random.default_rng(5)
    noise_variance, num_pilots, h_hat = 0.2, 4, np.array([[0.6 + 0.7j]], np.complex64)
    x = _complex(rng, (1, 100_000))
    errs = csi == "estimated"
    h = h_hat + (_complex(rng, x.shape, noise_variance / num_pilots) if errs else 0)
    y = (h * x + _complex(rng, x.shape, noise_variance)).astype(np.complex64)
    told = (
        {"received_pilots": pack_symbols(h_hat.repeat(num_pilots, 1))}
        if errs
        else {"gains": pack_symbols(h_hat)}
    )
    state = _state(csi=csi, noise_variance=noise_variance, **told)
    received = equalise_frame(y, state, equaliser).received
    assert received.noise_variance.dtype == np.float32
    assert received.noise_variance.shape == y.shape
    measured = np.mean(np.abs(received.symbols - x) ** 2)
    assert measured == pytest.approx(received.noise_variance[0, 0], rel=0.02)


def test_zero_forcing_is_unbiased_and_mmse_is_not():
    rng = np.random.default_rng(6)
    x, gains = _complex(rng, (2, 3)), _complex(rng, (2, 3))
    state = _state(gains=pack_symbols(gains))
    forced, mmse = (equalise_frame(gains * x, state, name).received for name in ("zero_forcing", "mmse"))
    np.testing.assert_allclose(forced.symbols, x, rtol=1e-5)
    np.testing.assert_allclose(forced.noise_variance, 0.1 / np.abs(gains) ** 2, rtol=1e-5)
    assert (np.abs(mmse.symbols) < 0.99 * np.abs(x)).all()


def test_where_the_gain_is_zero_a_symbol_is_erased_and_finite():
    gains = np.array([[0.0, 1.0]], np.complex64)
    received = equalise_frame(
        np.ones((1, 2), np.complex64), _state(gains=pack_symbols(gains)), "zero_forcing"
    ).received
    assert np.isfinite(received.symbols).all()
    assert np.isfinite(received.noise_variance).all()
    assert received.noise_variance[0, 0] > 1e9
    assert received.noise_variance[0, 1] == pytest.approx(0.1)


@pytest.mark.parametrize("equaliser", ["mmse", "zero_forcing"])
def test_without_csi_the_noise_is_that_of_the_channel(equaliser):
    y = np.array([[1 + 1j, 2 - 1j]], np.complex64)
    received = equalise_frame(y, _state(csi="none"), equaliser).received
    assert (received.symbols == y).all()
    assert received.noise_variance == pytest.approx(np.full((1, 2), 0.1))
    assert equalise_frame(y, _state(csi="none"), equaliser).post_equalisation_snr_db == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"csi": "genie"}, "state.csi"),
        ({"csi": ""}, "state.csi"),
        ({"noise_variance": 0.0}, "state.noise_variance"),
        ({"noise_variance": -1.0}, "state.noise_variance"),
        ({"noise_variance": math.nan}, "state.noise_variance"),
        ({"noise_variance": math.inf}, "state.noise_variance"),
        ({"noise_variance": 1e308}, "state.noise_variance"),
        ({"noise_variance": 1e-320}, "state.noise_variance"),
        ({}, "state.gains.encoding"),
        ({"gains": pack_symbols(np.ones((1, 3), np.complex64))}, "state.gains.shape"),
        ({"csi": "estimated"}, "state.received_pilots.encoding"),
        (
            {"csi": "estimated", "received_pilots": pack_symbols(np.ones((2, 3), np.complex64))},
            "state.received_pilots.shape",
        ),
    ],
)
def test_a_state_that_cannot_be_right_is_refused_by_name(fields, field):
    with pytest.raises(InvalidField) as caught:
        equalise_frame(np.ones((2, 2), np.complex64), _state(**fields), "mmse")
    assert caught.value.field == field
