"""`semcom link`: shows, makes, changes and deletes the links of running services."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from client.api import DEFAULT_CHANNEL_URL, SemcomClient
from client.output import show
from client.tables import change_table, link_table

ChannelUrl = Annotated[str, typer.Option(envvar="SEMCOM_CHANNEL_URL", help="Of the channel service.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, nothing else.")]
Channel = Annotated[
    str | None, typer.Option(help="awgn, rayleigh, rician, nakagami, tdl-a to tdl-e or trace.")
]
Fading = Annotated[str | None, typer.Option(help="block (one gain a frame), symbol or doppler.")]
SnrDb = Annotated[float | None, typer.Option(help="Es/N0 per complex symbol, in dB.")]
KFactorDb = Annotated[float | None, typer.Option(help="K factor in dB, for rician.")]
Csi = Annotated[str | None, typer.Option(help="perfect, none, estimated or mismatched.")]
NumPilots = Annotated[int | None, typer.Option(help="Pilot symbols a frame, for --csi estimated.")]
Seed = Annotated[int | None, typer.Option(help="Of the channel's draws.")]


def link(
    name: Annotated[str | None, typer.Argument(help="All links if absent; default when setting.")] = None,
    channel: Channel = None,
    fading: Fading = None,
    snr_db: SnrDb = None,
    k_factor_db: KFactorDb = None,
    csi: Csi = None,
    num_pilots: NumPilots = None,
    seed: Seed = None,
    symbol_rate_hz: Annotated[float | None, typer.Option(help="Complex symbols a second.")] = None,
    coherence_symbols: Annotated[
        int | None, typer.Option(help="Symbols that share a gain; 0: a frame.")
    ] = None,
    doppler_hz: Annotated[float | None, typer.Option(help="Largest shift, for --fading doppler.")] = None,
    frame_interval_ms: Annotated[float | None, typer.Option(help="Start to start, for doppler.")] = None,
    nakagami_m: Annotated[float | None, typer.Option(help="Shape, for nakagami; 1 is rayleigh.")] = None,
    delay_spread_ns: Annotated[float | None, typer.Option(help="Root mean square, for tdl-*.")] = None,
    csi_error_db: Annotated[float | None, typer.Option(help="Error in dB, for --csi mismatched.")] = None,
    trace: Annotated[str | None, typer.Option(help="Recorded gains, for --channel trace.")] = None,
    network_delay_ms: Annotated[float | None, typer.Option(help="Mean delay of the network.")] = None,
    network_jitter_ms: Annotated[float | None, typer.Option(help="Largest deviation from it.")] = None,
    network_loss_rate: Annotated[float | None, typer.Option(help="Share of frames lost, 0 to 1.")] = None,
    record: Annotated[str | None, typer.Option(help='Recording to keep the draws in; "" stops.')] = None,
    replay: Annotated[str | None, typer.Option(help='Recording to take the draws from; "" stops.')] = None,
    schedule: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="CSV file at,snr_db for the SNR to follow."),
    ] = None,
    schedule_over: Annotated[str, typer.Option(help="What `at` is: frame or time_s.")] = "frame",
    schedule_interpolation: Annotated[str, typer.Option(help="hold or linear.")] = "hold",
    schedule_repeats: Annotated[
        bool, typer.Option("--schedule-repeats", help="Start over at its end.")
    ] = False,
    no_schedule: Annotated[bool, typer.Option("--no-schedule", help="End the schedule.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="What is not given takes its default.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the link.")] = False,
    changes: Annotated[bool, typer.Option("--changes", help="Show what was done to the link.")] = False,
    as_json: Json = False,
    channel_url: ChannelUrl = DEFAULT_CHANNEL_URL,
) -> None:
    """Show the links, or make, change or delete one while the services run."""
    settings = {
        "channel": channel,
        "fading": fading,
        "snr_db": snr_db,
        "k_factor_db": k_factor_db,
        "csi": csi,
        "num_pilots": num_pilots,
        "seed": seed,
        "symbol_rate_hz": symbol_rate_hz,
        "coherence_symbols": coherence_symbols,
        "doppler_hz": doppler_hz,
        "frame_interval_ms": frame_interval_ms,
        "nakagami_m": nakagami_m,
        "delay_spread_ns": delay_spread_ns,
        "csi_error_db": csi_error_db,
        "trace": trace,
        "network_delay_ms": network_delay_ms,
        "network_jitter_ms": network_jitter_ms,
        "network_loss_rate": network_loss_rate,
        "record": record,
        "replay": replay,
    }
    given = {field: value for field, value in settings.items() if value is not None}
    target = name or "default"
    with SemcomClient(channel_url=channel_url) as client:
        if delete:
            client.delete_link(target)
        if changes:
            rows = client.link_changes(target)
            show(rows, change_table(rows), as_json)
        if delete or changes:
            return
        written = _write(client, target, given, replaces=replace, clears=no_schedule)
        if schedule:
            query = {"over": schedule_over, "interpolation": schedule_interpolation}
            written = client.set_schedule(target, schedule, **query, repeats=schedule_repeats)
        if written:
            show(written, link_table([written]), as_json)
            return
        links = [client.link(name)] if name else client.links()
    show(links[0] if name else links, link_table(links), as_json)


def _write(
    client: SemcomClient, name: str, fields: dict[str, Any], *, replaces: bool, clears: bool
) -> dict[str, Any] | None:
    """Set fields and end the schedule, as far as asked; returns the link, or None where nothing was."""
    written = None
    if fields or replaces:
        written = (client.replace_link if replaces else client.set_link)(name, **fields)
    if clears:
        written = client.clear_schedule(name)
    return written
