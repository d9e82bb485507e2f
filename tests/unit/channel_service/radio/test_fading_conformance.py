"""Envelopes, correlation in time and CSI errors of the gains, compared with theory."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from channel_service.radio.channels import Channel, apply, draw
from channel_service.radio.fadings import _started_cycles
from shared.errors import InvalidField
from shared.signal import db_to_linear

# The draws are fixed, so the test cannot fail by chance; a wrong distribution has p below 1e-9.
MIN_P_VALUE = 0.01
NUM_GAINS = 50_000


def envelopes(channel: Channel, fading: str) -> np.ndarray:
    """Independent values of |h|: symbols or blocks of one long frame, or frames of many seeds."""
    if fading == "symbol":
        return np.abs(draw(replace(channel, fading="symbol"), 3, (1, NUM_GAINS)).gains).ravel()
    if fading == "coherence":
        gains = draw(replace(channel, coherence_symbols=4), 3, (1, 4 * NUM_GAINS)).gains
        return np.abs(gains.ravel()[::4])
    one = replace(channel, fading=fading)
    return np.array([abs(draw(replace(one, seed=seed), 3, (1, 1)).gains[0, 0]) for seed in range(2000)])


def rician(k_factor_db: float):
    k = db_to_linear(k_factor_db)
    return stats.rice(math.sqrt(2 * k), scale=math.sqrt(1 / (2 * (k + 1))))


LAWS = [
    (Channel("rayleigh"), stats.rayleigh(scale=math.sqrt(0.5))),
    *((Channel("rician", k_factor_db=k), rician(k)) for k in (-10.0, 0.0, 6.0, 12.0)),
    *((Channel("nakagami", nakagami_m=m), stats.nakagami(m)) for m in (0.5, 0.8, 1.0, 2.0, 10.0, 100.0)),
]


@pytest.mark.parametrize(
    ("channel", "law", "fading"),
    [
        *((channel, law, "symbol") for channel, law in LAWS),
        *((*LAWS[row], fading) for row in (0, 2, 8) for fading in ("block", "coherence", "doppler")),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "model", "law"),
)
def test_the_envelope_has_its_distribution(channel, law, fading):
    """Kolmogorov-Smirnov test against the distribution in SciPy."""
    assert stats.kstest(envelopes(channel, fading), law.cdf).pvalue > MIN_P_VALUE


@pytest.mark.parametrize(
    ("channel", "law"),
    [
        (Channel("nakagami", nakagami_m=2.0), stats.nakagami(1.8)),
        (Channel("rician", k_factor_db=6.0), rician(5.0)),
        (Channel("rayleigh"), stats.nakagami(1.1)),
    ],
)
def test_a_similar_distribution_is_refused(channel, law):
    """The sample is long enough to show the difference; otherwise the test above could not fail."""
    assert stats.kstest(envelopes(channel, "symbol"), law.cdf).pvalue < 1e-9


@pytest.mark.parametrize("m", [0.5, 1.0, 4.0])
def test_nakagami_phases_are_uniform_and_power_is_one(m):
    gains = draw(Channel("nakagami", fading="symbol", nakagami_m=m), 0, (1, NUM_GAINS)).gains
    assert (np.abs(gains) ** 2).mean() == pytest.approx(1, abs=6 / math.sqrt(m * NUM_GAINS))
    uniform = stats.uniform(-math.pi, 2 * math.pi)
    assert stats.kstest(np.angle(gains).ravel(), uniform.cdf).pvalue > MIN_P_VALUE


def test_each_nakagami_gain_with_m_of_one_is_the_rayleigh_gain():
    one = draw(Channel("nakagami", fading="symbol", nakagami_m=1.0), 8, (1, 1000)).gains
    np.testing.assert_allclose(one, draw(Channel("rayleigh", fading="symbol"), 8, (1, 1000)).gains, rtol=1e-5)


DOPPLER = Channel("rayleigh", fading="doppler", doppler_hz=100.0, symbol_rate_hz=1e4, frame_interval_ms=7.0)
NUM_SEEDS = 1500


def doppler_gains(frame_number: int, num_symbols: int) -> np.ndarray:
    """Gains of many seeds, [seeds, symbols]."""
    return np.stack(
        [
            draw(replace(DOPPLER, seed=seed), frame_number, (1, num_symbols)).gains[0]
            for seed in range(NUM_SEEDS)
        ]
    )


def test_doppler_autocorrelation_within_a_frame_is_j0():
    """E[h(t) h*(t + tau)] = J0(2 pi f_d tau), over 300 symbols, which pass three zeros of J0."""
    gains = doppler_gains(5, 300)
    lags_s = np.arange(300) / DOPPLER.symbol_rate_hz
    measured = np.mean(gains * np.conj(gains[:, :1]), axis=0)
    theory = special.j0(2 * np.pi * DOPPLER.parameters["doppler_hz"] * lags_s)
    assert np.max(np.abs(measured - theory)) < 4.5 / math.sqrt(NUM_SEEDS)


def test_doppler_autocorrelation_across_frames_is_j0():
    first = doppler_gains(40, 1)
    for later in (1, 2, 3):
        measured = np.mean(doppler_gains(40 + later, 1) * np.conj(first))
        lag_s = later * DOPPLER.parameters["frame_interval_ms"] / 1e3
        theory = special.j0(2 * np.pi * DOPPLER.parameters["doppler_hz"] * lag_s)
        assert abs(measured - theory) < 4.5 / math.sqrt(NUM_SEEDS)


def test_one_seed_alone_has_the_autocorrelation_over_time():
    """The average over time of one seed is J0 too, not only the average over many seeds."""
    channel = replace(DOPPLER, symbol_rate_hz=2e3)
    gains = draw(channel, 0, (1, 1 << 18)).gains[0].astype(np.complex128)
    for lag in (1, 5, 10, 20, 40):
        measured = np.mean(gains[lag:] * np.conj(gains[:-lag]))
        assert abs(measured - special.j0(2 * np.pi * 100.0 * lag / 2e3)) < 0.01


def test_doppler_gains_are_continuous_from_frame_to_frame():
    """Frames without a pause between them are parts of one long frame."""
    channel = replace(DOPPLER, frame_interval_ms=1e3 * 64 / DOPPLER.symbol_rate_hz)
    long = draw(channel, 0, (1, 64 * 5)).gains.reshape(5, 64)
    parts = np.concatenate([draw(channel, number, (1, 64)).gains for number in range(5)])
    np.testing.assert_allclose(parts, long, atol=1e-6)


def test_with_a_doppler_shift_of_zero_the_gain_is_constant():
    gains = draw(replace(DOPPLER, doppler_hz=0.0), 9, (4, 300)).gains
    np.testing.assert_allclose(gains, gains[0, 0], atol=1e-6)


def test_coherence_blocks_have_one_gain_each_and_are_independent():
    gains = draw(Channel("rayleigh", coherence_symbols=50), 0, (10, 20_000)).gains.reshape(-1, 50)
    assert (gains == gains[:, :1]).all()
    neighbours = np.vdot(gains[1:, 0], gains[:-1, 0]) / len(gains)
    assert abs(neighbours) < 5 / math.sqrt(len(gains))


@pytest.mark.parametrize("snr_db", [-20.0, -10.0, 0.0, 10.0, 20.0, 30.0, 40.0])
@pytest.mark.parametrize("model", ["awgn", "rayleigh", "rician", "nakagami"])
def test_realised_snr_is_within_a_tenth_of_a_decibel_from_minus_20_to_40_db(model, snr_db):
    phases = np.random.default_rng(1).uniform(0, 2 * math.pi, (1, 200_000))
    x = np.exp(1j * phases).astype(np.complex64)
    _, realised_snr_db = apply(x, draw(Channel(model, fading="symbol", snr_db=snr_db), 3, x.shape))
    assert realised_snr_db == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize(("num_pilots", "snr_db"), [(1, 0.0), (4, 0.0), (64, 0.0), (4, 20.0), (64, 20.0)])
def test_error_of_estimated_csi_falls_with_pilot_energy(num_pilots, snr_db):
    """Least squares: E|h_hat - h|^2 = noise_variance / num_pilots; without CSI to estimate there are none."""
    assert draw(Channel(), 0, (1, 1)).received_pilots is None
    channel = Channel("rayleigh", snr_db=snr_db, num_pilots=num_pilots)
    draws = [draw(channel, number, (1, 1)) for number in range(1000)]
    errors = np.array([drawn.received_pilots.mean() - drawn.gains[0, 0] for drawn in draws])
    theory = 10 ** (-snr_db / 10) / num_pilots
    assert np.mean(np.abs(errors) ** 2) == pytest.approx(theory, rel=5 / math.sqrt(1000))


def test_pilots_measure_the_gain_at_the_start_of_a_doppler_frame():
    channel = replace(DOPPLER, snr_db=60.0, num_pilots=8)
    drawn = draw(channel, 4, (1, 100))
    assert abs(drawn.received_pilots.mean() - drawn.gains[0, 0]) < 0.01
    assert abs(drawn.received_pilots.mean() - drawn.gains[0, -1]) > 0.1


@pytest.mark.parametrize("csi_error_db", [-30.0, -10.0, 0.0])
@pytest.mark.parametrize("fading", ["block", "symbol"])
def test_mismatched_csi_has_the_stated_error(csi_error_db, fading):
    channel = Channel("rayleigh", fading=fading, csi_error_db=csi_error_db)
    draws = [draw(channel, number, (1, 1000 if fading == "symbol" else 1)) for number in range(1000)]
    error = np.concatenate([(drawn.mismatched_gains - drawn.gains).ravel() for drawn in draws])
    gains = np.concatenate([drawn.gains.ravel() for drawn in draws])
    slack = 5 / math.sqrt(error.size)
    assert (np.abs(error) ** 2).mean() == pytest.approx(db_to_linear(csi_error_db), rel=slack)
    assert abs(np.vdot(gains, error)) / error.size < slack * math.sqrt(db_to_linear(csi_error_db))
    assert draw(replace(channel, csi_error_db=None), 0, (1, 1)).mismatched_gains is None


def test_a_trace_is_played_by_frame_or_by_symbol_and_starts_again_at_its_end():
    trace = np.array([1, 1j, -2, 0.5], np.complex64)
    by_frame = [
        draw(Channel("trace", trace_gains=trace), number, (1, 3)).gains for number in (0, 3, 6, 2**64 - 1)
    ]
    np.testing.assert_array_equal(np.ravel(by_frame), trace[[0, 3, 2, 3]])
    by_symbol = draw(Channel("trace", fading="symbol", trace_gains=trace), 1, (2, 3)).gains
    np.testing.assert_array_equal(by_symbol, trace[[[2, 3, 0], [1, 2, 3]]])
    by_block = draw(Channel("trace", coherence_symbols=2, trace_gains=trace), 1, (1, 6)).gains
    np.testing.assert_array_equal(by_block, trace[[[3, 3, 0, 0, 1, 1]]])


@pytest.mark.parametrize(
    ("channel", "field"),
    [
        (Channel("vacuum"), "channel"),
        (Channel(fading="now and then"), "fading"),
        (Channel(fading="symbol", num_pilots=4), "csi"),
        (Channel("trace"), "trace"),
        (Channel("trace", fading="doppler", trace_gains=np.ones(1, np.complex64)), "fading"),
        (Channel("rayleigh", coherence_symbols=4, num_pilots=4), "csi"),
        (Channel("tdl-a", num_pilots=4), "csi"),
    ],
)
def test_a_channel_that_cannot_be_drawn_is_refused(channel, field):
    with pytest.raises(InvalidField) as caught:
        draw(channel, 0, (1, 8))
    assert caught.value.field == field


@pytest.mark.parametrize("first", [2**40, 2**60, 2**64 - 4])
def test_doppler_goes_on_at_every_frame_number(first):
    """Neighbours differ as the first frames do, |dg| about 2 pi doppler_hz interval / sqrt(2)."""
    channel = Channel("rayleigh", fading="doppler", doppler_hz=50.0, frame_interval_ms=1.0)
    gains = np.array([draw(channel, first + number, (1, 1)).gains[0, 0] for number in range(4)])
    steps = np.abs(np.diff(gains))
    assert (steps > 0.01).all()
    assert (steps < 0.6).all()
    assert np.ptp(steps) < 0.1  # the third difference is small: the path is smooth


@pytest.mark.parametrize("first", [2**40, 2**60, 2**64 - 8])
def test_doppler_is_exact_where_a_wave_has_whole_cycles(first):
    """Waves of 1/4 and -1/8 cycles a frame are back at their first phase at every eighth frame."""
    channel, shifts_hz = Channel(fading="doppler", doppler_hz=250.0, frame_interval_ms=1.0), [250.0, -125.0]
    cycles = [_started_cycles(channel, first + k, np.array(shifts_hz)) for k in range(3)]
    np.testing.assert_array_equal(cycles, [[0, 0], [0.25, 0.875], [0.5, 0.75]])
