"""Draws compared with theory, and that they depend on seed and frame number alone."""

import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gains import mean_power

from channel_service.radio.channels import MODELS, Channel, Draw, apply, draw
from shared.errors import InvalidField
from shared.signal import db_to_linear

EXPECTED = Path(__file__).parents[3] / "expected" / "channel_draw.json"
NUM_SYMBOLS = 100_000


def unit_symbols(shape: tuple[int, int]) -> np.ndarray:
    phases = np.random.default_rng(1).uniform(0, 2 * math.pi, shape)
    return np.exp(1j * phases).astype(np.complex64)


def same(one: Draw, other: Draw) -> bool:
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in ("gains", "noise"))


@pytest.mark.parametrize("snr_db", [-30.0, 0.0, 12.0, 60.0])
def test_noise_has_the_variance_of_the_snr_half_in_each_dimension(snr_db):
    drawn = draw(Channel(snr_db=snr_db), 0, (4, NUM_SYMBOLS // 4))
    assert drawn.noise_variance == pytest.approx(10 ** (-snr_db / 10))
    tolerance = 5 / math.sqrt(NUM_SYMBOLS)
    assert (np.abs(drawn.noise) ** 2).mean() == pytest.approx(drawn.noise_variance, rel=tolerance)
    for part in (drawn.noise.real, drawn.noise.imag):
        assert np.var(part) == pytest.approx(drawn.noise_variance / 2, rel=2 * tolerance)
    correlation = np.corrcoef(drawn.noise.real.ravel(), drawn.noise.imag.ravel())[0, 1]
    assert abs(correlation) < tolerance


@pytest.mark.parametrize("k_factor_db", [-20.0, 0.0, 6.0, 20.0])
def test_rician_gains_have_a_line_of_sight_without_phase(k_factor_db):
    """E[h] = sqrt(K/(K+1)) and E|h|^2 = 1; the envelope's law is in test_fading_conformance.py."""
    k = db_to_linear(k_factor_db)
    channel = Channel(model="rician", fading="symbol", k_factor_db=k_factor_db)
    gains = draw(channel, 5, (1, NUM_SYMBOLS)).gains.ravel()
    slack = 6 / math.sqrt(gains.size)
    assert abs(gains.mean() - math.sqrt(k / (k + 1))) < slack
    assert mean_power(gains) == pytest.approx(1, abs=slack)


def test_gains_of_awgn_are_one_and_shapes_follow_the_fading():
    for fading, shape in (("block", (1, 1)), ("symbol", (3, 7))):
        for name, model in MODELS.items():
            if not model.is_flat or model.needs_trace:
                continue
            drawn = draw(Channel(model=name, fading=fading), 1, (3, 7))
            assert drawn.gains.shape == ((1, 1) if name == "awgn" else shape)
            assert drawn.noise.shape == (3, 7)
            assert drawn.gains.dtype == drawn.noise.dtype == np.complex64
        assert (draw(Channel(fading=fading), 1, (3, 7)).gains == 1).all()


def test_realised_snr_is_that_of_the_frame():
    x, channel = unit_symbols((2, 8)), Channel(model="rayleigh", snr_db=3)
    drawn = draw(channel, 9, (2, 8))
    y, realised_snr_db = apply(x, drawn)
    h = drawn.gains
    np.testing.assert_array_equal(y.real, (h.real * x.real - h.imag * x.imag) + drawn.noise.real)
    np.testing.assert_array_equal(y.imag, (h.real * x.imag + h.imag * x.real) + drawn.noise.imag)
    ratio = np.sum(np.abs(drawn.gains * x) ** 2) / np.sum(np.abs(drawn.noise) ** 2)
    assert realised_snr_db == pytest.approx(10 * math.log10(ratio), abs=1e-4)


@pytest.mark.parametrize(("gain", "noise"), [(1, 0), (0, 1), (0, 0)])
def test_realised_snr_is_finite_even_without_signal_or_noise(gain, noise):
    one = np.ones((1, 1), np.complex64)
    assert math.isfinite(apply(one, Draw(gain * one, noise * one, None, 1.0))[1])


def test_the_draw_does_not_depend_on_order_batching_or_threads():
    channel = Channel(model="rayleigh", fading="symbol", seed=7)
    alone = [draw(channel, number, (4, 4)) for number in range(64)]
    backwards = [draw(channel, number, (4, 4)) for number in reversed(range(64))][::-1]
    with ThreadPoolExecutor(8) as pool:
        concurrent = list(pool.map(lambda number: draw(channel, number, (4, 4)), range(64)))
    assert all(same(a, b) and same(a, c) for a, b, c in zip(alone, backwards, concurrent, strict=True))


def test_seeds_and_frame_numbers_give_other_draws():
    draws = [
        draw(Channel(model="rayleigh", seed=seed), number, (1, 4))
        for seed in (0, 1, 2**64 - 1)
        for number in (0, 1, 2**64 - 1)
    ]
    assert len({drawn.noise.tobytes() for drawn in draws}) == len({d.gains.tobytes() for d in draws}) == 9


def test_a_frame_has_the_same_noise_with_every_fading_and_scaled_with_every_snr():
    plain = draw(Channel(snr_db=0), 4, (2, 8))
    for channel in (Channel(model="rayleigh"), Channel(model="rician"), Channel(num_pilots=8)):
        assert draw(replace(channel, snr_db=0), 4, (2, 8)).noise.tobytes() == plain.noise.tobytes()
    loud = draw(Channel(snr_db=-20), 4, (2, 8))
    np.testing.assert_allclose(loud.noise, 10 * plain.noise, rtol=1e-6)
    same_gain = {draw(Channel(model="rayleigh", snr_db=s), 4, (2, 8)).gains.tobytes() for s in (-6, 0, 30)}
    assert len(same_gain) == 1


def test_a_long_frame_starts_with_the_draw_of_a_short_one():
    channel = Channel(model="rayleigh", fading="symbol")
    short, long = draw(channel, 2, (1, 16)), draw(channel, 2, (3, 16))
    np.testing.assert_array_equal(long.noise[:1], short.noise)
    np.testing.assert_array_equal(long.gains[:1], short.gains)


def test_noise_gains_and_pilots_are_independent():
    channel = Channel(model="rayleigh", fading="symbol", snr_db=0)
    drawn = draw(channel, 0, (1, 50_000))
    assert abs(np.vdot(drawn.gains, drawn.noise)) / 50_000 < 6 / math.sqrt(50_000)
    pilots = draw(Channel(snr_db=0, num_pilots=1024), 0, (1, 1024))
    pilot_noise = pilots.received_pilots - 1
    assert abs(np.vdot(pilot_noise, pilots.noise)) / 1024 < 6 / math.sqrt(1024)


def test_a_draw_of_another_shape_is_refused():
    with pytest.raises(InvalidField, match=r"symbols.shape = '\[1, 16\]'"):
        apply(unit_symbols((1, 16)), draw(Channel(), 0, (1, 1)))


def test_the_draw_is_the_recorded_one():
    """Draws must not change between versions; SEMCOM_UPDATE_EXPECTED=1 writes the file again."""
    drawn = {}
    for channel in (
        Channel(snr_db=12),
        Channel(model="rayleigh", snr_db=0, seed=3, num_pilots=2),
        Channel(model="rician", fading="symbol", snr_db=-6, seed=2**64 - 1, k_factor_db=3),
    ):
        one = draw(channel, 2**40 + 7, (2, 3))
        arrays = {"gains": one.gains, "noise": one.noise, "received_pilots": one.received_pilots}
        name = f"{channel.model} {channel.fading} {channel.snr_db:g} dB seed {channel.seed}"
        drawn[name] = {
            key: None if array is None else array.view(np.float32).tolist() for key, array in arrays.items()
        }
    if os.environ.get("SEMCOM_UPDATE_EXPECTED"):
        EXPECTED.write_text(json.dumps(drawn, indent=1) + "\n")
    expected = json.loads(EXPECTED.read_text())
    assert drawn == expected
