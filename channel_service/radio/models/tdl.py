"""The tapped delay line (TDL) models of 3GPP TR 38.901, from the tables in the Sionna package.

Symbols are sent as OFDM with a cyclic prefix longer than the delay spread, so each symbol has one complex
gain. Symbol i of the frame is sent on subcarrier i mod N, N = num_subcarriers; the spacing of the subcarriers
is symbol rate / N.

    H(f) = sqrt(P_0) + sum_l sqrt(P_l) g_l exp(-2 pi j f tau_l)        f = (k - N / 2) spacing

P_l are the powers of the profile, scaled so that their sum is one. P_0 is the power of the line of sight of
TDL-D and TDL-E, which has phase 0; in the other models it is 0. tau_l = delay spread x the table's delay. The
g_l are independent paths of the link's fading.

Only Sionna's tables are read and none of its code runs, so a draw is a function of (seed, frame number) and
torch is not imported.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from channel_service.radio.models.base import DrawInputs, Model
from channel_service.radio.random_streams import Complex
from shared.errors import InvalidField
from shared.link_settings import LinkSetting
from shared.signal import db_to_linear

DELAY_SPREAD_NS = LinkSetting(
    "delay_spread_ns", 100.0, "Root mean square delay spread", unit="ns", minimum=0, maximum=100_000
)
NUM_SUBCARRIERS = LinkSetting(
    "num_subcarriers", 64, "OFDM subcarriers that share the bandwidth", minimum=1, maximum=4096
)
EXTRA = "semcom[tdl]"
_TABLES = Path("phy/channel/tr38901/models/v19_2")


@dataclass(frozen=True)
class DelayProfile:
    """One power delay profile.

    Attributes:
        delays: Delays of the scattered taps, in units of the delay spread, [num_taps].
        powers: Powers of the scattered taps [linear], [num_taps].
        line_of_sight_power: Power of the line of sight, at delay 0 [linear]; 0 if there is none. All powers
            together sum to one.
    """

    delays: NDArray[np.float64]
    powers: NDArray[np.float64]
    line_of_sight_power: float


@cache
def load_profile(letter: str) -> DelayProfile:
    """Read a power delay profile from Sionna's tables.

    Args:
        letter: Letter of the profile, A to E.

    Raises:
        InvalidField: If the extra `semcom[tdl]` is not installed.

    Source: 3GPP TR 38.901 V19.2, Tables 7.7.2-1 to 7.7.2-5.
    """
    spec = find_spec("sionna")
    if spec is None or not spec.submodule_search_locations:
        raise InvalidField(
            "channel", f"tdl-{letter.lower()}", f"a model without extras; for tdl-*: pip install '{EXTRA}'"
        )
    path = Path(spec.submodule_search_locations[0]) / _TABLES / f"TDL-{letter}.json"
    table = json.loads(path.read_text())
    delays = np.array(table["delays"], dtype=float)
    powers = np.asarray(db_to_linear(np.array(table["powers"], dtype=float)))
    powers /= powers.sum()
    first = int(table["los"])
    return DelayProfile(delays[first:], powers[first:], float(powers[:first].sum()))


class Tdl(Model):
    """One of TDL-A to TDL-E.

    Args:
        letter: Letter of the profile, A to E.
    """

    parameters = (DELAY_SPREAD_NS, NUM_SUBCARRIERS)
    is_flat = False

    def __init__(self, letter: str) -> None:
        self._letter, self.title = letter, f"TDL-{letter}"

    def check_available(self) -> None:
        """Check that the tables are installed.

        Raises:
            InvalidField: If the extra `semcom[tdl]` is not installed.
        """
        load_profile(self._letter)

    def gains(self, inputs: DrawInputs) -> Complex:
        """Return the frequency response at each symbol's subcarrier, [L, S]."""
        profile, channel = load_profile(self._letter), inputs.channel
        number = channel[NUM_SUBCARRIERS]
        subcarriers = np.arange(inputs.shape[0] * inputs.shape[1]).reshape(inputs.shape) % number
        frequencies_hz = (np.arange(number) / number - 0.5) * channel.symbol_rate_hz
        gains = np.full(inputs.shape, np.sqrt(profile.line_of_sight_power), dtype=np.complex64)
        for delay, power in zip(profile.delays, profile.powers, strict=True):
            delay_s = delay * channel[DELAY_SPREAD_NS] / 1e9
            response = np.sqrt(power) * np.exp(-2j * np.pi * frequencies_hz * delay_s)
            gains += response.astype(np.complex64)[subcarriers] * next(inputs.paths)
        return gains
