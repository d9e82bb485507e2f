"""The network's delay, jitter and loss: their distributions, and their independence of the radio channel."""

import math

import numpy as np
import pytest
from scipy import stats

from channel_service.links.impairments import Impairment, Network, impair
from channel_service.radio.channels import Channel, draw

NUM_FRAMES = 5000


def met(network: Network, seed: int = 0) -> list[Impairment]:
    return [impair(network, seed, number) for number in range(NUM_FRAMES)]


def test_without_impairments_a_frame_has_no_delay_and_no_loss():
    assert set(met(Network())) == {Impairment(0.0, is_lost=False)}


@pytest.mark.parametrize("loss_rate", [0.01, 0.3, 0.9])
def test_losses_are_as_frequent_as_stated_and_independent(loss_rate):
    lost = np.array([impairment.is_lost for impairment in met(Network(loss_rate=loss_rate))])
    slack = 4 * math.sqrt(loss_rate * (1 - loss_rate) / NUM_FRAMES)
    assert lost.mean() == pytest.approx(loss_rate, abs=slack)
    assert np.mean(lost[1:] & lost[:-1]) == pytest.approx(loss_rate**2, abs=2 * slack)


def test_delays_are_uniform_around_the_mean():
    delays_ms = [impairment.delay_ms for impairment in met(Network(delay_ms=30.0, jitter_ms=10.0))]
    assert stats.kstest(delays_ms, stats.uniform(20, 20).cdf).pvalue > 0.01


def test_a_delay_is_never_negative():
    delays_ms = np.array([i.delay_ms for i in met(Network(delay_ms=5.0, jitter_ms=10.0))])
    assert delays_ms.min() == 0
    assert np.mean(delays_ms == 0) == pytest.approx(0.25, abs=0.03)


def test_a_frame_has_the_same_impairment_again_and_another_one_with_another_seed():
    network = Network(10.0, 5.0, 0.5)
    assert met(network, 3) == met(network, 3) != met(network, 4)


def test_a_frame_lost_at_one_rate_is_lost_at_every_higher_one():
    few, many = (met(Network(loss_rate=rate)) for rate in (0.1, 0.4))
    assert all(more.is_lost for one, more in zip(few, many, strict=True) if one.is_lost)


def test_losses_are_independent_of_the_radio_channel():
    lost = np.array([impairment.is_lost for impairment in met(Network(loss_rate=0.5))])
    powers = np.array(
        [abs(draw(Channel("rayleigh"), number, (1, 1)).gains[0, 0]) ** 2 for number in range(NUM_FRAMES)]
    )
    assert abs(np.corrcoef(lost, powers)[0, 1]) < 4 / math.sqrt(NUM_FRAMES)
