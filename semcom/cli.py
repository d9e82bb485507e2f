"""The `semcom` command; `semcom link` is in link_command.py.

Modules that take long to import (the services' settings, the demo, everything of `experiments`) are imported
by the command that needs them, so that `semcom --help` and `semcom send` start at once.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from semcom.api import DEFAULT_CHANNEL_URL, DEFAULT_URL, Client
from semcom.errors import ClientError
from semcom.link_command import ChannelUrl, Json, link
from semcom.output import ERR as _ERR
from semcom.output import OUT as _OUT
from semcom.output import show as _show
from semcom.output import write_picture
from semcom.setting_options import (
    RADIO_SETTINGS,
    SystemOptions,
    parse_options,
    takes,
)
from semcom.tables import REPORT_TABLES, instance_table, outcome_table, task_table
from shared.runtime.interrupts import ended_by_signals

app = typer.Typer(
    name="semcom",
    help="Semantic communication over three real services: send inputs, set the channel, read the reports.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


class Report(StrEnum):
    """The reports of the channel service."""

    OVERHEAD = "overhead"
    PAPER = "paper"
    LATENCY = "latency"
    INSTANCES = "instances"


class ReportFormat(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


Image = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="PNG, JPEG, WebP, BMP or GIF file.")
]
Audio = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="WAV, FLAC, OGG, MP3, WebM or MP4 file.")
]
Video = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="MP4, AVI or WebM file.")]
Url = Annotated[str, typer.Option(envvar="SEMCOM_URL", help="Of the transmitter.")]
Weights = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="Folder of weights; the shipped ones if absent."),
]


@app.command()
def up(
    weights: Weights = None,
    free_ports: Annotated[bool, typer.Option("--free-ports", help="Take any free ports.")] = False,
    store: Annotated[Path, typer.Option(help="SQLite file of the reports.")] = Path("runs/semcom.sqlite3"),
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Start the three services on this machine; one that dies is started again, and Ctrl-C stops all."""
    with ended_by_signals(), contextlib.suppress(KeyboardInterrupt):
        from semcom.stack import Stack

        run_folder = Path("runs") / time.strftime("%Y%m%d-%H%M%S")
        with _ERR.status("starting") as status:
            stack = Stack.start(
                weights=weights,
                free_ports=free_ports,
                run_folder=run_folder,
                store=store,
                on_progress=status.update,
            )
        with stack:
            _OUT.print(f"page             [bold]{stack.base_url}/[/]")
            _OUT.print(
                f"transmitter      [bold]{stack.base_url}[/]  (POST /transmit; documentation under /docs)"
            )
            _OUT.print(f"channel service  [bold]{stack.channel_url}[/]  (links, reports)")
            _OUT.print(f"logs             {stack.run_folder}")
            _OUT.print("Ready. Ctrl-C stops all three.")
            if open_page:
                typer.launch(f"{stack.base_url}/")
            stack.watch(lambda event: _ERR.print(event, soft_wrap=True, markup=False, highlight=False))


@app.command()
@takes(RADIO_SETTINGS)
def send(
    task: Annotated[str, typer.Option(help="One of `semcom tasks`.")],
    text: Annotated[str | None, typer.Option(help="Text input.")] = None,
    image: Image = None,
    audio: Audio = None,
    video: Video = None,
    system: Annotated[
        str | None,
        typer.Option(help="Communication system, or several with commas; the default one if absent."),
    ] = None,
    link: Annotated[str | None, typer.Option(help="Named link; default if absent.")] = None,
    frame_number: Annotated[int | None, typer.Option(help="Fixes the draw, with the seed.")] = None,
    encoding: Annotated[str | None, typer.Option(help="float32, float16 or int8.")] = None,
    timeout_s: Annotated[float | None, typer.Option(help="Longest time of the request, in seconds.")] = None,
    option: SystemOptions = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write an answer that is a picture here, as PNG.")
    ] = None,
    as_json: Json = False,
    url: Url = DEFAULT_URL,
    **settings: Any,
) -> None:
    """Send one input across the link and show the answer, its overhead and latency.

    Several systems send it over the same draw; a picture goes to a file for each, NAME-SYSTEM.png.
    """
    instance = {
        **{"text": text, "image": image, "audio": audio, "video": video},
        **{"link": link, "frame_number": frame_number, "encoding": encoding, "timeout_s": timeout_s},
        "options": parse_options(option or []),
        **settings,
    }
    with Client(url) as client:
        if system is not None and "," in system:
            outcomes = client.transmit_each(task, system.split(","), **instance)
            _show(outcomes, outcome_table(outcomes), as_json)
            results = {
                outcome["system"]: outcome["result"] for outcome in outcomes if outcome["result"] is not None
            }
        else:
            result = client.transmit(task, system=system, **instance)
            _show(result, instance_table(result), as_json)
            results = {"": result}
    if output is not None:
        for name, result in results.items():
            write_picture(result, output.with_stem(f"{output.stem}-{name}") if name else output)


app.command()(link)


@app.command()
def report(
    kind: Annotated[
        Report, typer.Argument(help="overhead, paper (its overhead table in KB), latency or instances.")
    ],
    output_format: Annotated[
        ReportFormat, typer.Option("--format", help="How the report is written.")
    ] = ReportFormat.TABLE,
    group_by: Annotated[
        str | None,
        typer.Option(
            help="task, system, link, channel, fading, csi, status, snr_bin, minute, hour, day: any."
        ),
    ] = None,
    snr_bin_db: Annotated[float | None, typer.Option(help="Width of a bin of snr_bin, in dB.")] = None,
    task: Annotated[str | None, typer.Option(help="Of this task only.")] = None,
    system: Annotated[str | None, typer.Option(help="Of this system only.")] = None,
    link: Annotated[str | None, typer.Option(help="Of this link only.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only this channel model.")] = None,
    fading: Annotated[str | None, typer.Option(help="Only this fading.")] = None,
    csi: Annotated[str | None, typer.Option(help="Only this CSI mode.")] = None,
    status: Annotated[str | None, typer.Option(help="OK, or the class of an error.")] = None,
    min_snr_db: Annotated[float | None, typer.Option(help="Lowest requested SNR, in dB.")] = None,
    max_snr_db: Annotated[float | None, typer.Option(help="Highest requested SNR, in dB.")] = None,
    since: Annotated[str | None, typer.Option(help="ISO 8601, UTC without a zone.")] = None,
    until: Annotated[str | None, typer.Option(help="ISO 8601, UTC without a zone.")] = None,
    limit: Annotated[int | None, typer.Option(help="Rows at most, for instances alone.")] = None,
    offset: Annotated[
        int | None, typer.Option(help="Rows to leave out before the first, for instances alone.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write csv or parquet here.")] = None,
    channel_url: ChannelUrl = DEFAULT_CHANNEL_URL,
) -> None:
    """Report what instances cost (overhead, paper) or how long they took (latency), or list them."""
    query = {
        "group_by": group_by,
        "snr_bin_db": snr_bin_db,
        "task": task,
        "system": system,
        "link": link,
        "channel": channel,
        "fading": fading,
        "csi": csi,
        "status": status,
        "min_snr_db": min_snr_db,
        "max_snr_db": max_snr_db,
        "since": since,
        "until": until,
        "limit": limit,
        "offset": offset,
    }
    with Client(channel_url=channel_url) as client:
        if output_format in (ReportFormat.CSV, ReportFormat.PARQUET):
            _write_out(client.report_file(kind.value, output_format.value, **query), output)
            return
        rows = client.report(kind.value, **query)
    _show(rows, REPORT_TABLES[kind.value](rows), output_format is ReportFormat.JSON)


@app.command()
def tasks(as_json: Json = False, url: Url = DEFAULT_URL) -> None:
    """Show the tasks, what they take and who is trained for them."""
    with Client(url) as client:
        rows = client.tasks()
    _show(rows, task_table(rows), as_json)


@app.command()
def demo(
    json_file: Annotated[
        str | None, typer.Option("--json", help="Write each instance here: .json, .jsonl, or - for stdout.")
    ] = None,
    snr_db: Annotated[str, typer.Option(help="SNRs in dB, with commas between.")] = "0,6,12",
    weights: Weights = None,
) -> None:
    """Start the services, send the samples of every trained task over two channels, show it all, stop."""
    snrs_db = _parse_snrs_db(snr_db)
    console = _ERR if json_file == "-" else _OUT
    with ended_by_signals():
        from semcom.demo import run_demo, write_instances

        write_instances(run_demo(console, snrs_db=snrs_db, weights=weights), json_file)


@app.command(context_settings=_PASS_THROUGH)
def train(context: typer.Context) -> None:
    """Train a system end to end (Algorithm 1); writes weights for both ends."""
    _run_experiment(context)


@app.command(context_settings=_PASS_THROUGH)
def campaign(context: typer.Context) -> None:
    """Train all learned systems by the recipes of one commit, side by side."""
    _run_experiment(context)


@app.command(context_settings=_PASS_THROUGH)
def evaluate(context: typer.Context) -> None:
    """Measure a task's metric over a channel on a test or validation split (Algorithm 2)."""
    _run_experiment(context)


@app.command(context_settings=_PASS_THROUGH)
def compare(context: typer.Context) -> None:
    """Measure several systems over the same draws; write tables and pictures of the comparison."""
    _run_experiment(context)


@app.command(context_settings=_PASS_THROUGH)
def plot(context: typer.Context) -> None:
    """Draw metric against SNR from measured figures, a row a task and a column a channel."""
    _run_experiment(context)


@app.command(context_settings=_PASS_THROUGH)
def figures(context: typer.Context) -> None:
    """Measure weights on every test split; writes rows, pictures, the model card and a table."""
    _run_experiment(context)


@app.command(context_settings=_PASS_THROUGH)
def data(context: typer.Context) -> None:
    """List the data sets: what is found, what is missing, where to get it."""
    _run_experiment(context, "experiments.commands.data")


def main() -> None:
    """Entry point: every foreseen error is one line on standard error and status 1.

    A character that the terminal's encoding lacks is printed as a question mark.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        app()
    except ClientError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _fail(message: str) -> None:
    _ERR.print(Text(f"error: {message}", style="red"), soft_wrap=True)
    sys.exit(1)


def _write_out(content: bytes, output: Path | None) -> None:
    if output is not None:
        output.write_bytes(content)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(content)


def _parse_snrs_db(text: str) -> list[float]:
    try:
        snrs_db = [float(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no list of numbers such as 0,6,12", param_hint="--snr-db"
        ) from None
    return snrs_db


def _run_experiment(context: typer.Context, module: str = "experiments.cli") -> None:
    from shared.errors import SemcomError

    experiments = import_module(module)
    try:
        experiments.app([str(context.info_name), *context.args], prog_name="semcom")
    except SemcomError as error:
        raise ClientError(error.message) from error


if __name__ == "__main__":
    main()
