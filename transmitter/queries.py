"""What the REST edge takes, documented field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from protos.semcom.v1 import channel_service_pb2
from shared.errors import InvalidField
from shared.link_settings import MAX_NAME_CHARS, LinkSetting, link_settings
from shared.tasks import TASKS
from shared.wire import ENCODINGS
from systems.registry import DEFAULT_SYSTEM, SYSTEMS
from systems.rows import Option, Options
from transmitter.media import MAX_TEXT_CHARS

MAX_TIMEOUT_S = 3600.0
_MAX_UINT64 = 2**64 - 1
TEXT_DESCRIPTION = (
    f"UTF-8 text, 1 to {MAX_TEXT_CHARS} characters. A system may take less of it, see GET /systems: then a "
    "task that labels it sees the beginning, and text_reconstruction refuses it (413)."
)
"""Of the text that a client sends."""

_SYSTEM_PATTERN = f"^({'|'.join(SYSTEMS)})(,({'|'.join(SYSTEMS)}))+$"


def _setting_field(setting: LinkSetting[Any]) -> Any:
    """A setting of a link, which is left to the link where it is absent."""
    shown: dict[str, Any] = {"description": setting.help, "examples": [setting.default]}
    if setting.type == "string":
        # The channel service checks names: it may know more channel models than are declared here.
        return str | None, Field(None, max_length=MAX_NAME_CHARS, **shown)
    limits: dict[str, Any] = {"ge": setting.minimum, "le": setting.maximum}
    if setting.type == "integer":
        return int | None, Field(None, **shown, **limits)
    return float | None, Field(None, **shown, **limits, allow_inf_nan=False)


if TYPE_CHECKING:
    _LinkOverrides = BaseModel
else:
    _LinkOverrides = create_model(
        "_LinkOverrides",
        **{
            setting.name: _setting_field(setting)
            for setting in link_settings().values()
            if setting.is_overridable
        },
    )


class TransmitQuery(_LinkOverrides):
    """Query of POST /transmit. What is absent is left to the link's own settings.

    All other parameters are options of the system, which checks them: `OPTION_PARAMETERS` documents them.
    """

    model_config = ConfigDict(extra="allow")

    # Names are documented here and looked up later, so that an unknown one is a 404.
    task: str = Field(
        description="What to ask of the receiver, see GET /tasks.",
        examples=["vqa"],
        max_length=64,
        json_schema_extra={"enum": list(TASKS)},
    )
    system: str = Field(
        DEFAULT_SYSTEM,
        description="Communication system, see GET /systems, or several with commas between: then all send "
        "the input over the same draw, and the answer is a list. "
        + " ".join(f"{system.name}: {system.description}" for system in SYSTEMS.values()),
        examples=[DEFAULT_SYSTEM],
        max_length=256,
        json_schema_extra={"anyOf": [{"enum": list(SYSTEMS)}, {"pattern": _SYSTEM_PATTERN}]},
    )
    link: str = Field(
        "default",
        description="Named link of the channel service.",
        examples=["default"],
        min_length=1,
        max_length=64,
    )
    frame_number: int | None = Field(
        None,
        description="With the seed it fixes the channel's draw; absent: the link's next number.",
        examples=[7],
        ge=0,
        le=_MAX_UINT64,
    )
    encoding: str = Field(
        "float32",
        description="Of the symbols on the wire.",
        examples=["float32"],
        max_length=64,
        json_schema_extra={"enum": list(ENCODINGS)},
    )
    timeout_s: float | None = Field(
        None,
        description="Longest time for the whole request: 504 after it. Absent: the service's own limit [s].",
        examples=[30.0],
        gt=0,
        le=MAX_TIMEOUT_S,
        allow_inf_nan=False,
    )

    def systems(self) -> list[str]:
        """Names of the systems, in the order asked for; whether there are such systems is not looked up.

        Raises:
            InvalidField: If a name is empty or there twice.
        """
        names = [name.strip() for name in self.system.split(",")]
        if not all(names) or len(set(names)) < len(names):
            raise InvalidField("system", self.system, "names of systems with commas between, each once")
        return names

    def chosen_options(self) -> Options:
        """What the client chose of the system's options, as text, unchecked."""
        return dict(self.model_extra or {})

    def overrides(self) -> channel_service_pb2.LinkSettings:
        """The link's settings for this instance, absent ones left out."""
        names = {setting.name for setting in link_settings().values() if setting.is_overridable}
        given = self.model_dump(include=names, exclude_none=True)
        return channel_service_pb2.LinkSettings(**given)


class TextBody(BaseModel):
    """JSON body of a task that takes text alone."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = Field(
        None,
        description=TEXT_DESCRIPTION,
        examples=["a warm and funny film"],
    )


def _option_parameters() -> list[dict[str, Any]]:
    """A parameter for each name of an option; systems that share a name state what it means to each."""
    declared: dict[str, list[tuple[str, Option]]] = {}
    for system in SYSTEMS.values():
        for option in system.options:
            declared.setdefault(option.name, []).append((system.name, option))
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": " ".join(_describe(system, option) for system, option in options),
            "schema": {
                "anyOf": [_option_schema(option) for _, option in options],
                "examples": [option.default for _, option in options],
            },
        }
        for name, options in declared.items()
    ]


def _describe(system: str, option: Option) -> str:
    tasks = f" Tasks: {', '.join(option.tasks)}." if option.tasks else ""
    return f"{system}: {option.description} Allowed: {option.allowed}; default {option.default}.{tasks}"


def _option_schema(option: Option) -> dict[str, Any]:
    limits = {"minimum": option.minimum, "maximum": option.maximum, "enum": list(option.choices) or None}
    return {"type": option.type, **{name: value for name, value in limits.items() if value is not None}}


OPTION_PARAMETERS = _option_parameters()
"""The systems' options as OpenAPI states parameters."""
