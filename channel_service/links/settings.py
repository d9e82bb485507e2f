"""Settings of a link and their allowed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from channel_service.links.impairments import Network
from channel_service.links.schedules import SnrSchedule
from channel_service.radio.channels import FADINGS, MODELS, Channel, Complex, check_channel
from channel_service.radio.models import Model
from channel_service.radio.parameters import parameters
from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField
from shared.link_settings import LinkSetting
from shared.signal import MAX_SNR_DB, MIN_SNR_DB

CSI_MODES = ("perfect", "none", "estimated", "mismatched")
_MAX_UINT64 = (1 << 64) - 1
_MAX_DELAY_MS = 10_000
_CONTRACT_NAMES = channel_service_pb2.LinkSettings.DESCRIPTOR.fields_by_name


def _setting(default: Any, description: str, **further: Any) -> Any:
    """A field of LinkSettings with its declaration, see `shared.link_settings.LinkSetting`."""
    return field(default=default, metadata={"description": description, **further})


@dataclass(frozen=True)
class LinkSettings:
    """Settings of one link. They are immutable: a change of the link makes a new object.

    Attributes:
        parameters: Those of the channel models and fadings, by name; an absent one gets its default.
        snr_schedule: Schedule of the SNR, used instead of snr_db; None for none.

    All others say what they are where they are declared.

    Raises:
        InvalidField: If a value is not allowed, or the values cannot be used together.
    """

    channel: str = _setting("awgn", "Channel model", title="Model")
    fading: str = _setting(
        "block", "Gains: block, one a frame; symbol, independent; doppler, correlated in time"
    )
    snr_db: float = _setting(
        12.0, "Es/N0 per complex symbol", unit="dB", minimum=MIN_SNR_DB, maximum=MAX_SNR_DB, title="SNR"
    )
    parameters: Mapping[str, float] = field(default_factory=dict, hash=False)
    csi: str = _setting(
        "perfect",
        "What the receiver knows of the gain",
        choices={mode: mode for mode in CSI_MODES},
        title="CSI",
    )
    num_pilots: int = _setting(
        4, "Pilot symbols a frame", minimum=1, maximum=1024, read_by={"csi": ("estimated",)}
    )
    csi_error_db: float = _setting(
        -20.0,
        "Error of the gain, E|error|^2 / E|h|^2",
        unit="dB",
        minimum=-60,
        maximum=20,
        read_by={"csi": ("mismatched",)},
        title="CSI error",
    )
    seed: int = _setting(0, "Seed of the draws", minimum=0, maximum=_MAX_UINT64)
    symbol_rate_hz: float = _setting(
        1e6,
        "Complex symbols a second, for airtime, Doppler and the bandwidth of tdl-*",
        unit="Hz",
        minimum=1,
        maximum=1e12,
    )
    trace: str = _setting("", "Recorded gains to play", read_by={"channel": ("trace",)})
    snr_schedule: SnrSchedule | None = None
    network_delay_ms: float = _setting(
        0.0,
        "Mean delay of the network between channel and receiver",
        unit="ms",
        minimum=0,
        maximum=_MAX_DELAY_MS,
        is_overridable=False,
    )
    network_jitter_ms: float = _setting(
        0.0,
        "Largest difference between a frame's delay and the mean, uniformly distributed",
        unit="ms",
        minimum=0,
        maximum=_MAX_DELAY_MS,
        is_overridable=False,
    )
    network_loss_rate: float = _setting(
        0.0, "Probability that the network loses a frame", minimum=0, maximum=1, is_overridable=False
    )
    record: str = _setting(
        "",
        "Recording to which each frame's draw is added",
        is_overridable=False,
        title="Record draws as",
    )
    replay: str = _setting(
        "",
        "Recording whose draws are used",
        is_overridable=False,
        title="Replay draws of",
    )

    def __post_init__(self) -> None:
        for name, rows in (("channel", MODELS), ("fading", FADINGS)):
            if getattr(self, name) not in rows:
                raise InvalidField(name, getattr(self, name), ", ".join(rows))
        for name, setting in _GENERAL.items():
            _check(setting, getattr(self, name))
        object.__setattr__(self, "parameters", _complete(self.parameters))
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
        has_one = any(parameter.name == "k_factor_db" for parameter in MODELS[self.channel].parameters)
        return self.parameters["k_factor_db"] if has_one else None

    @cached_property
    def radio(self) -> Channel:
        """Settings of the radio channel, without the gains of a trace."""
        return Channel(
            self.channel,
            self.fading,
            self.snr_db,
            seed=self.seed,
            symbol_rate_hz=self.symbol_rate_hz,
            parameters=self.parameters,
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
        given |= given.pop("parameters", {})
        return self._replaced(given)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> LinkSettings:
        """Settings of `to_dict`; an absent one gets its default.

        Raises:
            InvalidField: If a value is not allowed, or there is no such setting.
        """
        return cls()._replaced(settings)

    def to_proto(self) -> channel_service_pb2.LinkSettings:
        """The settings as a message. Every field is set; only the schedule is absent if there is none."""
        schedule = self.snr_schedule.to_proto() if self.snr_schedule else None
        return settings_message({**self.to_dict(), "snr_schedule": schedule})

    def to_dict(self) -> dict[str, Any]:
        """Every setting by its name."""
        own = {name: getattr(self, name) for name in _NAMES}
        return {**own, **self.parameters}

    def _replaced(self, given: Mapping[str, Any]) -> LinkSettings:
        own = {name: value for name, value in given.items() if name in _NAMES}
        others = {name: value for name, value in given.items() if name not in _NAMES}
        return replace(self, **own, parameters={**self.parameters, **others})


def settings_message(settings: Mapping[str, Any]) -> channel_service_pb2.LinkSettings:
    """A message with settings by name; those of other distributions' models have no field of their own."""
    others = {name: value for name, value in settings.items() if name not in _CONTRACT_NAMES}
    own = {name: value for name, value in settings.items() if name in _CONTRACT_NAMES}
    return channel_service_pb2.LinkSettings(**own, parameters=others)


def declared_settings(models: Mapping[str, Model] | None = None) -> dict[str, LinkSetting[Any]]:
    """Every setting of a link by name, but for the SNR schedule, in the order of a form.

    Args:
        models: Channel models by name; those of MODELS if it is None.
    """
    models = MODELS.rows if models is None else models
    titles = {
        "channel": {name: model.title or name.capitalize() for name, model in models.items()},
        "fading": {name: fading.title or name for name, fading in FADINGS.items()},
    }
    declared: dict[str, LinkSetting[Any]] = {}
    for own in fields(LinkSettings):
        if own.name in titles:
            declared[own.name] = replace(_GENERAL[own.name], choices=titles[own.name])
        elif own.name == "parameters":
            declared |= parameters(models)
        elif own.metadata:
            declared[own.name] = _GENERAL[own.name]
    return declared


_NAMES = tuple(own.name for own in fields(LinkSettings) if own.name != "parameters")
_GENERAL: Mapping[str, LinkSetting[Any]] = {
    own.name: LinkSetting(own.name, own.default, **own.metadata)
    for own in fields(LinkSettings)
    if own.metadata
}


def _check(setting: LinkSetting[Any], value: Any) -> None:
    if not setting.allows(value):
        raise InvalidField(setting.name, value, setting.allowed)


def _complete(given: Mapping[str, float]) -> dict[str, float]:
    """A value for every parameter: the one given, checked, or the default."""
    declared = parameters()
    complete = {name: parameter.default for name, parameter in declared.items()}
    for name, value in given.items():
        if name not in declared:
            raise InvalidField(name, value, f"a parameter: {', '.join(declared)}")
        _check(declared[name], value)
        complete[name] = type(declared[name].default)(value)
    return complete
