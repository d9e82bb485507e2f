"""The systems that can run over the link, and what a client may choose of each: a row each.

Other distributions add systems by entry points of the group `semcom.systems`, or SEMCOM_SYSTEMS names them.

No code asks for a system by name: what differs between systems is a column of this table, or stands behind
the interfaces of `systems/base.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from shared.errors import InvalidField, UnknownName
from shared.registry import Registry
from shared.tasks import TASKS
from systems.layers.profiles import CHANNEL_USES_PER_TOKEN, MIN_CHANNEL_USES_PER_TOKEN, PROFILES
from systems.mfmsc.config import sends_sequence
from systems.separate.adaptation import AUTO
from systems.separate.config import MAX_QUALITY, MIN_QUALITY
from systems.separate.mcs import MCS

OptionType = Literal["integer", "number", "string"]
OptionValue = int | float | str
Options = Mapping[str, OptionValue]


@dataclass(frozen=True)
class Option:
    """One setting of a system that a client may choose for each instance.

    Attributes:
        name: As in the REST API.
        type: As JSON Schema names it.
        default: Taken where the client does not choose.
        description: For people.
        unit: Of the value; empty where it has none.
        minimum: Lowest value that is allowed; None without a limit.
        maximum: Highest value that is allowed; None without a limit.
        choices: The values that are allowed; empty where the limits alone say it.
        tasks: For which a client may choose; all when empty. Other tasks are sent with the default.
        trades_channel_uses: Whether a higher value costs more channel uses and loses less of the source.
        adaptive_value: The value that leaves the choice to the state of the link; None where there is none.
    """

    name: str
    type: OptionType
    default: OptionValue
    description: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[OptionValue, ...] = ()
    tasks: tuple[str, ...] = ()
    trades_channel_uses: bool = False
    adaptive_value: OptionValue | None = None

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.choices:
            return ", ".join(map(str, self.choices))
        low = "" if self.minimum is None else f" from {self.minimum:g}"
        high = "" if self.maximum is None else f" to {self.maximum:g}"
        return f"{_KINDS[self.type]}{low}{high} {self.unit}".rstrip()

    def read(self, task: str, given: OptionValue) -> OptionValue:
        """The value for a task; text, as queries and command lines give it, is converted.

        Raises:
            InvalidField: If the value is of another type or not allowed, or this task has no choice.
        """
        try:
            value = _READERS[self.type](given)
        except (ValueError, OverflowError):
            raise InvalidField(self.name, given, self.allowed) from None
        if not self._allows(value):
            raise InvalidField(self.name, given, self.allowed)
        if self.tasks and task not in self.tasks and value != self.default:
            allowed = f"{self.default} for {task}; others for {', '.join(self.tasks)}"
            raise InvalidField(self.name, given, allowed)
        return value

    def _allows(self, value: OptionValue) -> bool:
        if self.choices and value not in self.choices:
            return False
        if isinstance(value, str):
            return True
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        return low <= value <= high and math.isfinite(value)


def _read_integer(given: OptionValue) -> int:
    if not isinstance(given, (int, str)) or isinstance(given, bool):
        raise ValueError("no whole number")
    return int(given)


def _read_number(given: OptionValue) -> float:
    if isinstance(given, bool):
        raise ValueError("no number")
    return float(given)


def _read_string(given: OptionValue) -> str:
    if not isinstance(given, str):
        raise ValueError("no text")
    return given


_READERS: Mapping[OptionType, Callable[[OptionValue], OptionValue]] = {
    "integer": _read_integer,
    "number": _read_number,
    "string": _read_string,
}
_KINDS: Mapping[OptionType, str] = {"integer": "a whole number", "number": "a number", "string": "text"}


@dataclass(frozen=True)
class System:
    """One communication system: a transmitter half and a receiver half behind one interface.

    Attributes:
        name: As in the REST API and in the manifest of its weights.
        description: For people.
        package: Dotted name of the package that holds its code, in the modules `transmitter` and `receiver`.
        options: What a client may choose for each instance.
        peak_power: Largest |x|^2 of its constellations, whose expected power is one; 1 where the system
            scales each frame to unit mean power itself [linear].
        trainable: Class of the package's module `training` that trains it; empty where it is not trained.
        origin: Distribution or variable that brought the row, for error messages.
    """

    name: str
    description: str
    package: str
    options: tuple[Option, ...] = ()
    peak_power: float = 1.0
    trainable: str = ""
    origin: str = "semcom"

    def read_options(self, task: str, given: Options) -> dict[str, OptionValue]:
        """A value for every option: the one given, checked, or the default.

        Args:
            task: Name of the task to send.
            given: By name, those that the client chose; text is converted to the option's type.

        Raises:
            InvalidField: If the system has no such option, or a value is not allowed for the task.
        """
        return read_options([self], task, given)[self.name]

    def _read_own(self, task: str, given: Options) -> dict[str, OptionValue]:
        return {
            option.name: option.read(task, given.get(option.name, option.default)) for option in self.options
        }


_PIECES = ", ".join(f"{profile.max_text_tokens} ({profile.name})" for profile in PROFILES.values())

_MFMSC_OPTIONS = (
    Option(
        "symbols_per_token",
        "integer",
        CHANNEL_USES_PER_TOKEN,
        "Rate of a task that sends a sequence: so many symbols of each token are sent. "
        "A rate below those that the weights were trained for is refused.",
        unit="channel uses a token",
        minimum=MIN_CHANNEL_USES_PER_TOKEN,
        maximum=CHANNEL_USES_PER_TOKEN,
        tasks=tuple(name for name, task in TASKS.items() if sends_sequence(task)),
    ),
)

_SEPARATE_OPTIONS = (
    Option(
        "mcs",
        "string",
        "qpsk-1/2",
        f"Modulation and code rate; {AUTO} takes the best one for the link's channel and requested SNR.",
        choices=(*MCS, AUTO),
        adaptive_value=AUTO,
    ),
    Option(
        "quality",
        "integer",
        50,
        "Of JPEG; for a clip the constant rate factor of H.264 follows from it.",
        minimum=MIN_QUALITY,
        maximum=MAX_QUALITY,
        tasks=tuple(name for name, task in TASKS.items() if {"image", "video"} & set(task.modalities)),
        trades_channel_uses=True,
    ),
)

_TABLE = (
    System(
        "mfmsc",
        "Multi-modal fusion-based multi-task semantic communication: one set of weights for all tasks, "
        "multi-modal features fused to one vector of 16 channel uses. Of a text it takes as many word "
        f"pieces, marks of start and end included, as its profile has room for: {_PIECES}.",
        package="systems.mfmsc",
        trainable="Mfmsc",
        options=_MFMSC_OPTIONS,
    ),
    System(
        "mfsc",
        "The network of mfmsc, one training and one set of weights for each task.",
        package="systems.mfmsc",
        trainable="Mfsc",
        options=_MFMSC_OPTIONS,
    ),
    System(
        "mmsc",
        "The encoders of mfmsc without its fusion: a task of several modalities sends every token of each, "
        "16 channel uses a token.",
        package="systems.mfmsc",
        trainable="Mmsc",
        options=_MFMSC_OPTIONS,
    ),
    System(
        "udeepsc",
        "U-DeepSC: a transformer encoder for each modality, of which a task sends the CLS token, a few "
        "tokens or all of them, and one decoder that every task asks by queries of its own; one set of "
        "weights for all tasks.",
        package="systems.deepsc",
        trainable="UDeepSC",
    ),
    System(
        "tdeepsc",
        "The network of udeepsc, one training and one set of weights for each task.",
        package="systems.deepsc",
        trainable="TDeepSC",
    ),
    System(
        "separate",
        "Separate source and channel coding: JPEG, H.264 and 16-bit PCM with LDPC codes, UTF-8 with a Turbo "
        "code, each modality a frame of its own. The receiver decodes the source, and a learned network "
        "reads it as it would without a channel; where something cannot be decoded, the answer is an outage.",
        package="systems.separate",
        options=_SEPARATE_OPTIONS,
        peak_power=7 / 3,  # 64-QAM
    ),
)


def _adopt(name: str, system: System, origin: str) -> System:
    """A row from another distribution, with its origin."""
    if system.name != name:
        raise ValueError(f"a row whose name is that of its entry point, not {system.name}")
    return replace(system, origin=origin)


SYSTEMS: Registry[System] = Registry(
    {system.name: system for system in _TABLE},
    System,
    group="semcom.systems",
    variable="systems",
    adopt=_adopt,
)
DEFAULT_SYSTEM = _TABLE[0].name
"""Taken where a client names no system."""


def read_options(systems: Sequence[System], task: str, given: Options) -> dict[str, dict[str, OptionValue]]:
    """For each system a value for every option of it; an option goes to all systems that declare it.

    Args:
        systems: That send the same input.
        task: Name of the task to send.
        given: By name, those that the client chose; text is converted to the option's type.

    Raises:
        InvalidField: If no system has such an option, or a value is not allowed for the task.
    """
    declared = {system.name: [option.name for option in system.options] for system in systems}
    for name, value in given.items():
        if not any(name in own for own in declared.values()):
            allowed = "; ".join(f"{system}: {', '.join(own) or 'none'}" for system, own in declared.items())
            raise InvalidField(name, value, f"options of {allowed}")
    return {system.name: system._read_own(task, given) for system in systems}


def get_system(name: str) -> System:
    """The system of that name.

    Raises:
        UnknownName: If there is none.
    """
    if name not in SYSTEMS:
        raise UnknownName("system", name, ", ".join(SYSTEMS))
    return SYSTEMS[name]
