"""What a link can be set to: a row a setting, from which REST, OpenAPI, command, page and documents are made.

A setting is declared once, where it is read: parameters of a channel model in the model's file in
`channel_service/radio/models/`, those of a fading in `channel_service/radio/fadings.py`, all others in
`channel_service/links/settings.py`. Other packages do not import the channel service, so `make protos` writes
the rows into `link_settings.json`, which `link_settings` reads. A running channel service also states those
of other distributions' channel models, at GET /link-settings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from shared.names import NAME_RULE, is_name

SETTINGS_FILE = Path(__file__).with_name("link_settings.json")
MAX_NAME_CHARS = 64
_MAX_UINT64 = (1 << 64) - 1
SettingType = TypeVar("SettingType", float, int, str)
_TYPES = {float: "number", int: "integer", str: "string"}


@dataclass(frozen=True)
class LinkSetting(Generic[SettingType]):
    """One setting of a link.

    Attributes:
        name: As in REST and in the wire contract, with the unit at its end.
        default: Value of a link that nobody has set; its type is the type of the setting.
        description: What it is, for people, without unit, range and readers.
        unit: Unit of the value; empty if it has none.
        minimum: Lowest value of a number.
        maximum: Highest value of a number.
        choices: The allowed values of a text, each with its title; empty for a name that a user gives.
        read_by: By another setting's name, those of its values with which this one is read; empty for always.
        is_overridable: True if a single instance may be sent with a value of its own.
        title: A few words for a form, without the unit; made of the name if it is empty.
    """

    name: str
    default: SettingType
    description: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    read_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_overridable: bool = True
    title: str = ""

    def __post_init__(self) -> None:
        words = self.name.removeprefix("num_").removesuffix(f"_{self.unit.lower()}").replace("_", " ")
        object.__setattr__(self, "title", self.title or words[:1].upper() + words[1:])

    @property
    def type(self) -> str:
        """Type of the value as JSON Schema names it: number, integer or string."""
        return _TYPES[type(self.default)]

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.choices:
            return ", ".join(self.choices)
        if self.minimum is None or self.maximum is None:
            return f"empty, or {NAME_RULE}"
        return f"{_words(self.minimum)} to {_words(self.maximum)} {self.unit}".rstrip()

    @property
    def help(self) -> str:
        """Description, allowed values and readers in one sentence."""
        readers = " or ".join(f"{name}={', '.join(values)}" for name, values in self.read_by.items())
        return f"{self.description} ({self.allowed}{f'; for {readers}' if readers else ''})."

    @property
    def limits(self) -> dict[str, Any]:
        """The limits of the value as JSON Schema states them."""
        if self.type == "string":
            return {"maxLength": MAX_NAME_CHARS}
        return {"minimum": self.minimum, "maximum": self.maximum}

    def allows(self, value: Any) -> bool:
        """True if a value is a choice, within the limits, or, without either, empty or a name."""
        if self.type == "string":
            return value in self.choices if self.choices else value == "" or is_name(value)
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        is_fit = math.isfinite(value) and low <= value <= high
        return is_fit and (self.type == "number" or value == int(value))


def settings_text(settings: Iterable[LinkSetting[Any]]) -> str:
    """The text of SETTINGS_FILE for these rows."""
    return json.dumps([asdict(setting) for setting in settings], indent=1) + "\n"


@cache
def link_settings() -> Mapping[str, LinkSetting[Any]]:
    """The settings of every link by name, in the order of a form; the SNR schedule is none of them."""
    rows = json.loads(SETTINGS_FILE.read_text(encoding="utf-8"))
    for row in rows:
        row["read_by"] = {name: tuple(values) for name, values in row["read_by"].items()}
    return {row["name"]: LinkSetting(**row) for row in rows}


def _words(limit: float) -> str:
    if limit == _MAX_UINT64:
        return "2^64 - 1"
    return str(limit) if isinstance(limit, int) else f"{limit:g}"
