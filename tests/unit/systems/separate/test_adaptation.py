"""The rule behind mcs=auto against closed forms, the table against what its own rates say, and one rate."""

import json

import numpy as np
import pytest

from systems.separate.adaptation import TABLE_FILE, load_table
from systems.separate.mcs import MCS
from systems.separate.mcs_table import (
    HIGH_SNR_DB,
    LOW_SNR_DB,
    MAX_BLER,
    NUM_BLOCKS,
    average_over_rayleigh,
    choose,
    simulate_bler,
)


def efficiency(name):
    return MCS[name].bits_per_symbol * MCS[name].code_rate


def test_a_step_over_awgn_is_the_exponential_distribution_under_rayleigh():
    """A block is wrong below 0 dB and right above: BLER = 1 - exp(-1 / SNR), but for the slope of 1 dB."""
    snrs_db = list(range(-6, 19))
    steps = [float(snr < 0) for snr in snrs_db]
    threshold = 10 ** (-0.5 / 10)  # the middle of the slope from -1 to 0 dB
    expected = [1 - np.exp(-threshold / 10 ** (snr / 10)) for snr in snrs_db]
    assert average_over_rayleigh(steps, snrs_db) == pytest.approx(expected, abs=0.01)


def test_the_rule_takes_the_fastest_that_is_good_enough_and_else_the_most_robust():
    blers = {"64qam-1/2": [1.0, 0.2, 0.1], "qpsk-1/3": [0.9, 0.0, 0.0], "16qam-1/2": [1.0, 0.1, 0.0]}
    assert [choose(blers, place) for place in range(3)] == ["qpsk-1/3", "16qam-1/2", "64qam-1/2"]


@pytest.mark.parametrize("model", ["awgn", "rayleigh"])
def test_the_committed_table_follows_its_rates_and_is_faster_at_a_higher_snr(model):
    fields = json.loads(TABLE_FILE.read_text())
    best, blers = fields["best"][model], fields["bler"][model]
    assert (fields["low_snr_db"], len(best)) == (LOW_SNR_DB, HIGH_SNR_DB - LOW_SNR_DB + 1)
    assert set(blers) == set(MCS)
    assert best == [choose(blers, place) for place in range(len(best))]
    efficiencies = [efficiency(name) for name in best]
    assert efficiencies == sorted(efficiencies)
    assert len(set(best)) > 3


def test_a_rate_of_the_table_is_found_again_with_another_seed():
    snr_db = 10
    fields = json.loads(TABLE_FILE.read_text())
    name = fields["best"]["awgn"][snr_db - LOW_SNR_DB]
    rate = max(simulate_bler(code, MCS[name], snr_db, np.random.default_rng(5)) for code in ("ldpc", "turbo"))
    assert rate <= MAX_BLER + 4 * np.sqrt(MAX_BLER * (1 - MAX_BLER) / NUM_BLOCKS)


def test_an_snr_beside_the_table_takes_its_end_and_one_between_takes_the_lower():
    table = load_table()
    first, last = table.best["awgn"][0], table.best["awgn"][-1]
    assert (table.choose("awgn", -30.0).name, table.choose("awgn", 60.0).name) == (first, last)
    assert table.choose("awgn", 7.9) == table.choose("awgn", 7.0)
    assert table.choose("rician", 12.0) == table.choose("rayleigh", 12.0)
