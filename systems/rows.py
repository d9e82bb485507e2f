"""What the table of systems says of each: its name, the package of its code, what a client may choose."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.errors import InvalidField

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
        unit: Unit of the value; empty where it has none.
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
    """One communication system: a row of the table in `systems.registry`.

    Attributes:
        name: As in the REST API and in the manifest of its weights.
        description: For people.
        package: Dotted name of the package that holds its code: a class `Transmitter` in the module
            `transmitter`, a class `Receiver` in `receiver`, with the interfaces of `systems.base`.
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

    def _read(self, task: str, given: Options) -> dict[str, OptionValue]:
        return {
            option.name: option.read(task, given.get(option.name, option.default)) for option in self.options
        }


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
        if not any(name in options for options in declared.values()):
            allowed = "; ".join(
                f"{system}: {', '.join(names) or 'none'}" for system, names in declared.items()
            )
            raise InvalidField(name, value, f"options of {allowed}")
    return {system.name: system._read(task, given) for system in systems}
