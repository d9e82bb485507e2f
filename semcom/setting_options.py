"""The settings of a link, and what may be chosen of a system, as options of the commands."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

Channel = Annotated[
    str | None, typer.Option(help="awgn, rayleigh, rician, nakagami, tdl-a to tdl-e or trace.")
]
Fading = Annotated[str | None, typer.Option(help="block (one gain a frame), symbol or doppler.")]
Csi = Annotated[str | None, typer.Option(help="perfect, none, estimated or mismatched.")]


def _number(meaning: str) -> Any:
    return Annotated[float | None, typer.Option(help=meaning)]


def _count(meaning: str) -> Any:
    return Annotated[int | None, typer.Option(help=meaning)]


def _name(meaning: str) -> Any:
    return Annotated[str | None, typer.Option(help=meaning)]


# The radio's: what one instance may override too.
RADIO_SETTINGS: Mapping[str, Any] = {
    "channel": Channel,
    "fading": Fading,
    "snr_db": _number("Es/N0 per complex symbol, in dB."),
    "k_factor_db": _number("K factor in dB, for rician."),
    "csi": Csi,
    "num_pilots": _count("Pilot symbols a frame, for --csi estimated."),
    "seed": _count("Of the channel's draws."),
    "symbol_rate_hz": _number("Complex symbols a second."),
    "coherence_symbols": _count("Symbols that share a gain; 0: a frame."),
    "doppler_hz": _number("Largest shift, for --fading doppler."),
    "frame_interval_ms": _number("Start to start, for doppler."),
    "nakagami_m": _number("Shape, for nakagami; 1 is rayleigh."),
    "delay_spread_ns": _number("Root mean square, for tdl-*."),
    "csi_error_db": _number("Error in dB, for --csi mismatched."),
    "trace": _name("Recorded gains, for --channel trace."),
}
LINK_SETTINGS: Mapping[str, Any] = {
    **RADIO_SETTINGS,
    "network_delay_ms": _number("Mean delay of the network."),
    "network_jitter_ms": _number("Largest deviation from it."),
    "network_loss_rate": _number("Share of frames lost, 0 to 1."),
    "record": _name('Recording to keep the draws in; "" stops.'),
    "replay": _name('Recording to take the draws from; "" stops.'),
}

SystemOptions = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="An option of the system, see GET /systems; may be repeated."),
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
