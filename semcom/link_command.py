"""`semcom link`: shows, makes, changes and deletes the links of running services."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from semcom.api import DEFAULT_CHANNEL_URL, Client
from semcom.output import show
from semcom.setting_options import LINK_SETTINGS, Parameters, parse_options, takes
from semcom.tables import change_table, link_table

ChannelUrl = Annotated[str, typer.Option(envvar="SEMCOM_CHANNEL_URL", help="Of the channel service.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, nothing else.")]


@takes(LINK_SETTINGS)
def link(
    name: Annotated[str | None, typer.Argument(help="All links if absent; default when setting.")] = None,
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
    parameters: Parameters = None,
    as_json: Json = False,
    channel_url: ChannelUrl = DEFAULT_CHANNEL_URL,
    **settings: Any,
) -> None:
    """Show the links, or make, change or delete one while the services run."""
    target = name or "default"
    with Client(channel_url=channel_url) as client:
        if delete:
            client.delete_link(target)
        if changes:
            rows = client.link_changes(target)
            show(rows, change_table(rows), as_json)
        if delete or changes:
            return
        settings |= {name: float(value) for name, value in parse_options(parameters or ()).items()}
        written = _write(client, target, settings, replaces=replace, clears=no_schedule)
        if schedule:
            query = {"over": schedule_over, "interpolation": schedule_interpolation}
            written = client.set_schedule(target, schedule, **query, repeats=schedule_repeats)
        if written:
            show(written, link_table([written]), as_json)
            return
        links = [client.link(name)] if name else client.links()
    show(links[0] if name else links, link_table(links), as_json)


def _write(
    client: Client, name: str, fields: dict[str, Any], *, replaces: bool, clears: bool
) -> dict[str, Any] | None:
    """Set fields and end the schedule, as far as asked; returns the link, or None where nothing was."""
    written = None
    if fields or replaces:
        written = (client.replace_link if replaces else client.set_link)(name, **fields)
    if clears:
        written = client.clear_schedule(name)
    return written
