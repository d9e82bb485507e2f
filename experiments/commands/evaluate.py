"""`semcom evaluate`: measures tasks over channels (Algorithm 2)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from channel_service.links.settings import LinkSettings
from client.setting_options import SystemOptions, parse_options
from experiments.commands.options import SYSTEM, THREADS, WEIGHTS, weights_of
from experiments.evaluation.evaluate import Figure, evaluate, in_process
from experiments.evaluation.network_link import over_services
from experiments.evaluation.results import check_writable, write_figures
from shared.errors import InvalidField
from shared.settings import DEFAULT_WEIGHTS
from shared.systems import DEFAULT_SYSTEM, Options
from shared.tasks import get_task
from shared.weights import load_joint_manifest

_MAX_SNRS = 1000
_MAX_SEED = 2**32 - 1


class Split(StrEnum):
    """What may be measured of a data set."""

    TEST = "test"
    VALIDATION = "validation"


def evaluate_command(
    task: Annotated[
        str, typer.Option("--tasks", "--task", help="Comma-separated; all trained ones when absent.")
    ] = "",
    system: SYSTEM = DEFAULT_SYSTEM,
    channel: Annotated[
        str, typer.Option("--channels", "--channel", help="Comma-separated: awgn, rayleigh, ...")
    ] = "awgn",
    snr_db: Annotated[
        str, typer.Option(help="Comma-separated, or low:high:step with both ends [dB].")
    ] = "12",
    fading: Annotated[str, typer.Option(help="block | symbol | doppler")] = "block",
    seed: Annotated[int, typer.Option(min=0, max=_MAX_SEED, help="Of the link.")] = 0,
    realisations: Annotated[
        int, typer.Option(min=1, max=1000, help="Of each channel, by consecutive seeds; figures are means.")
    ] = 1,
    weights: WEIGHTS = DEFAULT_WEIGHTS,
    dataset: Annotated[
        str | None, typer.Option(help="Of the tasks; each task's first when absent (semcom data).")
    ] = None,
    split: Annotated[Split, typer.Option(help="Of the data set.")] = Split.TEST,
    option: SystemOptions = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Measure so many instances, not all.")] = None,
    over_network: Annotated[bool, typer.Option(help="Through three real services, started for it.")] = False,
    url: Annotated[
        str | None, typer.Option(help="Through running services with these weights: their transmitter.")
    ] = None,
    threads: THREADS = 2,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a figure.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Also write the figures there, as a JSON array, after each task.")
    ] = None,
) -> None:
    """Measure tasks on a split (Algorithm 2), of the data that SEMCOM_DATA names."""
    torch.set_num_threads(threads)
    manifest = load_joint_manifest(weights_of(weights, system))
    tasks = [get_task(name.strip()).name for name in task.split(",")] if task else list(manifest.tasks)
    links = [
        LinkSettings(channel=model.strip(), fading=fading, snr_db=snr, seed=seed).to_channel()
        for model, snr in product(channel.split(","), parse_snrs(snr_db))
    ]
    how = _How(realisations, limit, dataset, split.value, parse_options(option or []))
    rows: list[dict[str, Any]] = []
    if output is not None:
        check_writable(output)
    networked = over_network or url is not None
    with over_services(weights, manifest, url) if networked else in_process(weights, system) as send:
        for name in tasks:
            measured = evaluate(
                name, links, manifest=manifest, send=send, over_network=networked, **asdict(how)
            )
            rows += _show([own.figure for own in measured], as_json)
            if output is not None:
                write_figures(output, rows)


@dataclass(frozen=True)
class _How:
    """Arguments of `evaluate` that the command passes on as they are."""

    num_realisations: int
    limit: int | None
    dataset: str | None
    split: str
    options: Options


def _show(figures: Sequence[Figure], as_json: bool) -> list[dict[str, Any]]:
    """Print figures and return them as rows."""
    rows = [asdict(figure) for figure in figures]
    for figure, row in zip(figures, rows, strict=True):
        typer.echo(json.dumps(row) if as_json else _line(figure))
    return rows


def parse_snrs(text: str) -> list[float]:
    """SNRs of a list like "0,6,12" or a range like "-6:18:3", both ends included [dB].

    Raises:
        InvalidField: If the text is neither.
    """
    try:
        if ":" in text:
            low, high, step = (float(part) for part in text.split(":"))
            count = int((high - low) / step + 1e-9) + 1
            snrs_db = [low + step * i for i in range(min(count, _MAX_SNRS + 1))]
        else:
            snrs_db = [float(part) for part in text.split(",")]
    except (ValueError, ZeroDivisionError, OverflowError):
        snrs_db = []
    if not 1 <= len(snrs_db) <= _MAX_SNRS:
        raise InvalidField(
            "snr-db", text, f"at most {_MAX_SNRS} numbers like 0,6,12 or a rising range like -6:18:3"
        )
    return snrs_db


def _line(figure: Figure) -> str:
    guess = "" if figure.guesser is None else f"  (guesser {figure.guesser:.4f})"
    return (
        f"{figure.task:22} {figure.dataset:14} {figure.split:10} {figure.channel:9} {figure.snr_db:6g} dB  "
        f"{figure.metric:13} {figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}]{guess}"
        f"  over {figure.num_instances}"
        + (f" x {figure.num_realisations} channel realisations" if figure.num_realisations > 1 else "")
    )
