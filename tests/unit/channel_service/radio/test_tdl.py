"""3GPP's tapped delay lines (TR 38.901, Tables 7.7.2-1 to -5), typed in separately from Sionna's files."""

import importlib.util
import math
import sys
from dataclasses import replace

import numpy as np
import pytest

from channel_service.links.links import Links
from channel_service.links.settings import LinkSettings
from channel_service.radio.channels import Channel, draw
from channel_service.radio.models import tdl
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField

# (normalised delay, power [dB]); for D and E the first is the line of sight.
TABLES = {
    "a": [
        (0.0000, -13.4), (0.3819, 0.0), (0.4025, -2.2), (0.5868, -4.0), (0.4610, -6.0), (0.5375, -8.2),
        (0.6708, -9.9), (0.5750, -10.5), (0.7618, -7.5), (1.5375, -15.9), (1.8978, -6.6), (2.2242, -16.7),
        (2.1718, -12.4), (2.4942, -15.2), (2.5119, -10.8), (3.0582, -11.3), (4.0810, -12.7), (4.4579, -16.2),
        (4.5695, -18.3), (4.7966, -18.9), (5.0066, -16.6), (5.3043, -19.9), (9.6586, -29.7),
    ],
    "b": [
        (0.0000, 0.0), (0.1072, -2.2), (0.2155, -4.0), (0.2095, -3.2), (0.2870, -9.8), (0.2986, -1.2),
        (0.3752, -3.4), (0.5055, -5.2), (0.3681, -7.6), (0.3697, -3.0), (0.5700, -8.9), (0.5283, -9.0),
        (1.1021, -4.8), (1.2756, -5.7), (1.5474, -7.5), (1.7842, -1.9), (2.0169, -7.6), (2.8294, -12.2),
        (3.0219, -9.8), (3.6187, -11.4), (4.1067, -14.9), (4.2790, -9.2), (4.7834, -11.3),
    ],
    "c": [
        (0.0000, -4.4), (0.2099, -1.2), (0.2219, -3.5), (0.2329, -5.2), (0.2176, -2.5), (0.6366, 0.0),
        (0.6448, -2.2), (0.6560, -3.9), (0.6584, -7.4), (0.7935, -7.1), (0.8213, -10.7), (0.9336, -11.1),
        (1.2285, -5.1), (1.3083, -6.8), (2.1704, -8.7), (2.7105, -13.2), (4.2589, -13.9), (4.6003, -13.9),
        (5.4902, -15.8), (5.6077, -17.1), (6.3065, -16.0), (6.6374, -15.7), (7.0427, -21.6), (8.6523, -22.8),
    ],
    "d": [
        (0.000, -0.2), (0.000, -13.5), (0.035, -18.8), (0.612, -21.0), (1.363, -22.8), (1.405, -17.9),
        (1.804, -20.1), (2.596, -21.9), (1.775, -22.9), (4.042, -27.8), (7.937, -23.6), (9.424, -24.8),
        (9.708, -30.0), (12.525, -27.7),
    ],
    "e": [
        (0.0000, -0.03), (0.0000, -22.03), (0.5133, -15.8), (0.5440, -18.1), (0.5630, -19.8), (0.5440, -22.9),
        (0.7112, -22.4), (1.9092, -18.6), (1.9293, -20.8), (1.9589, -22.6), (2.6426, -22.3), (3.7136, -25.6),
        (5.4524, -20.2), (12.0034, -29.8), (20.6519, -29.2),
    ],
}  # fmt: skip
K_FACTORS_DB = {"a": None, "b": None, "c": None, "d": 13.3, "e": 22.0}
SYMBOL_RATE_HZ, DELAY_SPREAD_NS = 20e6, 300.0
needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("sionna") is None, reason="needs pip install 'semcom[tdl]'"
)


def powers_and_delays(letter: str) -> tuple[np.ndarray, np.ndarray]:
    delays, powers_db = np.array(TABLES[letter]).T
    powers = 10 ** (powers_db / 10)
    return powers / powers.sum(), delays


@needs_extra
@pytest.mark.parametrize("letter", TABLES)
def test_the_profile_is_the_standards(letter):
    powers, delays = powers_and_delays(letter)
    profile = tdl.load_profile(letter.upper())
    first = 0 if K_FACTORS_DB[letter] is None else 1
    np.testing.assert_allclose(profile.delays, delays[first:])
    np.testing.assert_allclose(profile.powers, powers[first:], rtol=1e-9)
    assert profile.line_of_sight_power == pytest.approx(powers[:first].sum())
    if first:
        k_factor_db = 10 * math.log10(profile.line_of_sight_power / profile.powers[0])
        assert k_factor_db == pytest.approx(K_FACTORS_DB[letter], abs=0.01)


@needs_extra
@pytest.mark.parametrize(
    ("letter", "subcarriers"), [*((letter, 64) for letter in TABLES), ("c", 256), ("d", 30)]
)
def test_draws_have_the_standards_power_delay_profile(letter, subcarriers):
    """E[H(f) H*(f + k spacing)] is the profile's Fourier transform: sum_l P_l exp(2 pi j k spacing tau_l)."""
    given = {"delay_spread_ns": DELAY_SPREAD_NS, "num_subcarriers": subcarriers}
    channel, number = Channel(f"tdl-{letter}", symbol_rate_hz=SYMBOL_RATE_HZ, **given), 1500
    h = np.stack([draw(channel, n, (1, subcarriers)).gains[0] for n in range(number)]).astype(complex)
    powers, delays = powers_and_delays(letter)
    spacing_hz = SYMBOL_RATE_HZ / subcarriers
    for apart in (0, 1, 2, 5, 10, 20):
        measured = np.mean(h[:, : subcarriers - apart] * np.conj(h[:, apart:]))
        theory = np.sum(powers * np.exp(2j * np.pi * apart * spacing_hz * delays * DELAY_SPREAD_NS / 1e9))
        assert abs(measured - theory) < 4.5 / math.sqrt(number)


@needs_extra
def test_all_fadings_have_unit_power_and_symbols_use_their_subcarriers():
    channel = Channel("tdl-c", symbol_rate_hz=SYMBOL_RATE_HZ, delay_spread_ns=DELAY_SPREAD_NS)
    for subcarriers in (64, 20):
        block = draw(replace(channel, num_subcarriers=subcarriers), 0, (3, subcarriers)).gains
        np.testing.assert_allclose(block, np.broadcast_to(block[0], block.shape))
    assert np.ptp(np.abs(block[0])) > 0.5
    for fading in ("symbol", "doppler"):
        draws = [draw(replace(channel, fading=fading, seed=seed), 0, (1, 64)).gains for seed in range(400)]
        assert (np.abs(np.stack(draws)) ** 2).mean() == pytest.approx(1, abs=4 / math.sqrt(400))
    flat = draw(replace(channel, delay_spread_ns=0.0), 0, (1, 64)).gains
    np.testing.assert_allclose(flat, flat[0, 0], rtol=1e-5)


@needs_extra
def test_it_imports_no_torch():
    before = set(sys.modules)
    tdl.load_profile.cache_clear()
    draw(Channel("tdl-a"), 0, (1, 16))
    assert not {"torch", "sionna"} & (set(sys.modules) - before)


def test_without_the_extra_a_link_is_refused_and_the_extra_named(monkeypatch, tmp_path):
    monkeypatch.setattr(tdl, "find_spec", lambda name: None)
    tdl.load_profile.cache_clear()
    links = Links(tmp_path)
    with pytest.raises(InvalidField, match=r"semcom\[tdl\]") as caught:
        links.set("default", channel_service_pb2.LinkSettings(channel="tdl-b"))
    assert (caught.value.field, caught.value.value) == ("channel", "tdl-b")
    assert links.get("default") == LinkSettings()
