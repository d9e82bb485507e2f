"""Settings of a link and their allowed values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from channel_service.links.files import NAME_RULE, is_name
from channel_service.links.impairments import Network
from channel_service.links.schedules import SnrSchedule
from channel_service.radio.channels import FADINGS, MODELS, Channel, Complex, check_channel
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField
from shared.signal import MAX_SNR_DB, MIN_SNR_DB
from shared.wire import MAX_SYMBOLS_PER_FRAME

CSI_MODES = ("perfect", "none", "estimated", "mismatched")
_MAX_UINT64 = (1 << 64) - 1


@dataclass(frozen=True)
class LinkSettings:
    """Settings of one link. They are immutable: a change of the link makes a new object.

    Attributes:
        channel: Name of a channel model in MODELS.
        fading: Name of a fading in FADINGS: block | symbol | doppler.
        snr_db: Es/N0 per complex symbol [dB].
        k_factor_db: Rician K factor [dB].
        csi: What the receiver knows of h: perfect | none | estimated (from pilots) | mismatched.
        num_pilots: Number of pilots in a frame if csi is estimated.
        seed: Seed of the draws, uint64.
        symbol_rate_hz: Complex symbols a second [Hz], for the airtime, Doppler and the bandwidth of TDL.
        coherence_symbols: Block fading: number of symbols that share a gain; 0 for the whole frame.
        doppler_hz: Doppler fading: largest Doppler shift [Hz].
        frame_interval_ms: Doppler fading: time from the start of one frame to the start of the next [ms].
        nakagami_m: Nakagami: shape parameter m.
        delay_spread_ns: TDL: root mean square delay spread [ns].
        csi_error_db: Error of the gains if csi is mismatched: E|error|^2 / E|h|^2 [dB].
        trace: Name of the recorded gains that channel=trace plays.
        snr_schedule: Schedule of the SNR, used instead of snr_db; None for none.
        network_delay_ms: Mean delay of the network between channel and receiver [ms].
        network_jitter_ms: Largest difference between a frame's delay and the mean [ms].
        network_loss_rate: Probability that the network loses a frame, 0 to 1.
        record: Name of the recording to which each frame's draw is added; empty for none.
        replay: Name of the recording whose draws are used; empty for none.

    Raises:
        InvalidField: If a value is not allowed, or the values cannot be used together.
    """

    channel: str = "awgn"
    fading: str = "block"
    snr_db: float = 12.0
    k_factor_db: float = 6.0
    csi: str = "perfect"
    num_pilots: int = 4
    seed: int = 0
    symbol_rate_hz: float = 1e6
    coherence_symbols: int = 0
    doppler_hz: float = 10.0
    frame_interval_ms: float = 1.0
    nakagami_m: float = 2.0
    delay_spread_ns: float = 100.0
    csi_error_db: float = -20.0
    trace: str = ""
    snr_schedule: SnrSchedule | None = None
    network_delay_ms: float = 0.0
    network_jitter_ms: float = 0.0
    network_loss_rate: float = 0.0
    record: str = ""
    replay: str = ""

    def __post_init__(self) -> None:
        for name, (is_allowed, allowed) in _ALLOWED.items():
            value = getattr(self, name)
            if not is_allowed(value):
                raise InvalidField(name, value, allowed)
        if MODELS[self.channel].needs_trace and not self.trace:
            raise InvalidField("trace", self.trace, f"with channel={self.channel}: the name of a trace")
        if self.record and self.replay:
            raise InvalidField(
                "record", self.record, "empty while replay is set, because those draws are recorded already"
            )
        check_channel(self.radio)

    @property
    def pilots_a_frame(self) -> int:
        """Number of pilots that are sent with each frame."""
        return self.num_pilots if self.csi == "estimated" else 0

    @property
    def stated_k_factor_db(self) -> float | None:
        """The K factor if the channel has one, else None [dB]."""
        return self.k_factor_db if MODELS[self.channel].has_k_factor else None

    @cached_property
    def radio(self) -> Channel:
        """Settings of the radio channel, without the gains of a trace."""
        return Channel(
            model=self.channel,
            **{name: getattr(self, name) for name in RADIO_FIELDS},
            num_pilots=self.pilots_a_frame,
            csi_error_db=self.csi_error_db if self.csi == "mismatched" else None,
        )

    def to_channel(self, trace_gains: Complex | None = None) -> Channel:
        """Settings of the radio channel.

        Args:
            trace_gains: Recorded gains, complex64, [num_gains], if a trace is set.
        """
        return self.radio if trace_gains is None else replace(self.radio, trace_gains=trace_gains)

    @cached_property
    def network(self) -> Network | None:
        """Settings of the network; None if it has no impairments."""
        network = Network(self.network_delay_ms, self.network_jitter_ms, self.network_loss_rate)
        return None if network == Network() else network

    def at(self, frame_number: int, elapsed_s: float) -> LinkSettings:
        """Settings for one frame, in which the schedule is replaced by its SNR for this frame.

        Args:
            frame_number: Number of the frame.
            elapsed_s: Time since the schedule was set [s].
        """
        if self.snr_schedule is None:
            return self
        return replace(self, snr_db=self.snr_schedule.snr_db_at(frame_number, elapsed_s), snr_schedule=None)

    def with_changes(self, changes: channel_service_pb2.LinkSettings) -> LinkSettings:
        """Settings in which the fields that are present in a message are changed.

        A new `snr_db` without a schedule removes the schedule.

        Raises:
            InvalidField: If a value is not allowed.
        """
        given = {field.name: value for field, value in changes.ListFields()}
        if not given:
            return self
        if "snr_schedule" in given:
            given["snr_schedule"] = SnrSchedule.from_proto(given["snr_schedule"])
        elif "snr_db" in given:
            given["snr_schedule"] = None
        return replace(self, **given)

    def to_proto(self) -> channel_service_pb2.LinkSettings:
        """The settings as a message. Every field is set; only the schedule is absent if there is none."""
        schedule = self.snr_schedule.to_proto() if self.snr_schedule else None
        return channel_service_pb2.LinkSettings(**{**self.to_dict(), "snr_schedule": schedule})

    def to_dict(self) -> dict[str, Any]:
        """Every setting by its name."""
        return {name: getattr(self, name) for name in _FIELDS}


_FIELDS = tuple(field.name for field in fields(LinkSettings))
RADIO_FIELDS = (
    "fading",
    "snr_db",
    "k_factor_db",
    "seed",
    "coherence_symbols",
    "doppler_hz",
    "frame_interval_ms",
    "nakagami_m",
    "delay_spread_ns",
    "symbol_rate_hz",
)
"""Settings that have the same name in LinkSettings and in Channel."""


def _one_of(names: Mapping[str, Any] | tuple[str, ...]) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: value in names), ", ".join(names)


def _between(low: float, high: float, unit: str = "") -> tuple[Callable[[Any], bool], str]:
    return (lambda value: math.isfinite(value) and low <= value <= high), f"{low:g} to {high:g}{unit}"


_NAME_OR_NONE = ((lambda value: not value or is_name(value)), f"empty, or {NAME_RULE}")
_ALLOWED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "channel": _one_of(MODELS),
    "fading": _one_of(FADINGS),
    "snr_db": _between(MIN_SNR_DB, MAX_SNR_DB, " dB"),
    "k_factor_db": _between(-20, 40, " dB"),
    "csi": _one_of(CSI_MODES),
    "num_pilots": _between(1, 1024),
    "seed": ((lambda value: 0 <= value <= _MAX_UINT64), "0 to 2^64 - 1"),
    "symbol_rate_hz": _between(1, 1e12, " Hz"),
    "coherence_symbols": _between(0, MAX_SYMBOLS_PER_FRAME, " symbols"),
    "doppler_hz": _between(0, 1e6, " Hz"),
    "frame_interval_ms": _between(0, 1e6, " ms"),
    "nakagami_m": _between(0.5, 100),
    "delay_spread_ns": _between(0, 1e5, " ns"),
    "csi_error_db": _between(-60, 20, " dB"),
    "trace": _NAME_OR_NONE,
    "network_delay_ms": _between(0, 1e4, " ms"),
    "network_jitter_ms": _between(0, 1e4, " ms"),
    "network_loss_rate": _between(0, 1),
    "record": _NAME_OR_NONE,
    "replay": _NAME_OR_NONE,
}
