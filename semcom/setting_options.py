"""The settings of a link, and what may be chosen of a system, as options of the commands."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

from shared.link_settings import LinkSetting, link_settings

_TYPES: Mapping[str, Any] = {"number": float | None, "integer": int | None, "string": str | None}


def _option(setting: LinkSetting[Any]) -> Any:
    return Annotated[_TYPES[setting.type], typer.Option(help=setting.help)]


LINK_SETTINGS: Mapping[str, Any] = {name: _option(setting) for name, setting in link_settings().items()}
# What one instance may override too.
RADIO_SETTINGS: Mapping[str, Any] = {
    name: option for name, option in LINK_SETTINGS.items() if link_settings()[name].is_overridable
}

SystemOptions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="An option of the system, see GET /systems, or a parameter of a channel model of one's own; "
        "may be repeated.",
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="A parameter of a channel model of one's own, see GET /link-settings; may be repeated.",
    ),
]

Command = Callable[..., None]


def takes(settings: Mapping[str, Any]) -> Callable[[Command], Command]:
    """Give a command an option for each setting; it gets those that are given in its `**settings`.

    Args:
        settings: Rows of LINK_SETTINGS.
    """

    def extend(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        plain = [entry for entry in signature.parameters.values() if entry.kind is not entry.VAR_KEYWORD]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for name, annotation in settings.items()
        ]

        @functools.wraps(command)
        def extended(**arguments: Any) -> None:
            command(**{n: value for n, value in arguments.items() if n not in settings or value is not None})

        # Typer reads its options off the signature.
        vars(extended)["__signature__"] = signature.replace(parameters=[*plain, *added])
        return extended

    return extend


def parse_options(texts: Sequence[str]) -> dict[str, str]:
    """Read texts such as "symbols_per_token=8": values by name, left as text for the system to check.

    Raises:
        typer.BadParameter: If a text is not of this form, or a name is given twice.
    """
    options: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise typer.BadParameter(f"{text!r} is not of the form NAME=VALUE", param_hint="--option")
        if name in options:
            raise typer.BadParameter(f"{name} is given twice", param_hint="--option")
        options[name] = value
    return options
