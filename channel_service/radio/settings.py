"""Settings of the radio channel of a link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from channel_service.radio.random_streams import Complex
from shared.link_settings import LinkSetting, SettingType

_NONE: Mapping[str, float] = {}


@dataclass(frozen=True, init=False)
class Channel:
    """Settings of one radio channel.

    Attributes:
        model: Name of a channel model in MODELS, e.g. awgn, rayleigh, rician.
        fading: Name of a fading in FADINGS: block, symbol or doppler.
        snr_db: Es/N0 per complex symbol [dB].
        seed: Seed, uint64; the draw depends on the seed and the frame number.
        num_pilots: Number of pilot symbols (1+0j) sent through the frame's gain; 0 for none.
        symbol_rate_hz: Complex symbols a second [Hz]; TDL: the bandwidth.
        csi_error_db: Mean squared error of the gains that the receiver gets, over E|h|^2 [dB]; None for no
            error.
        trace_gains: Recorded gains, complex64, [num_gains], of unit mean power; None without a trace.
        parameters: Parameters of models and fadings by name; an absent one has its default. The constructor
            also takes each of them as an argument of its own: Channel("rician", k_factor_db=3.0).
    """

    model: str
    fading: str
    snr_db: float
    seed: int
    num_pilots: int
    symbol_rate_hz: float
    csi_error_db: float | None
    trace_gains: Complex | None = field(compare=False, repr=False)
    parameters: Mapping[str, float] = field(hash=False)

    def __init__(
        self,
        model: str = "awgn",
        fading: str = "block",
        snr_db: float = 12.0,
        *,
        seed: int = 0,
        num_pilots: int = 0,
        symbol_rate_hz: float = 1e6,
        csi_error_db: float | None = None,
        trace_gains: Complex | None = None,
        parameters: Mapping[str, float] = _NONE,
        **more_parameters: float,
    ) -> None:
        given = {
            **{"model": model, "fading": fading, "snr_db": snr_db, "seed": seed, "num_pilots": num_pilots},
            **{"symbol_rate_hz": symbol_rate_hz, "csi_error_db": csi_error_db, "trace_gains": trace_gains},
            "parameters": {**parameters, **more_parameters},
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)

    def __getitem__(self, parameter: LinkSetting[SettingType]) -> SettingType:
        """Value of a parameter."""
        value: SettingType = self.parameters.get(parameter.name, parameter.default)  # type: ignore[assignment]
        return value
