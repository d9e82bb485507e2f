"""`semcom evaluate`: measures tasks over channels (Algorithm 2)."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from experiments.commands import options as common
from experiments.evaluation.evaluate import Figure, evaluate
from experiments.evaluation.link import SemanticLink, weights_of
from experiments.evaluation.network_link import over_services
from experiments.evaluation.results import check_writable, write_json
from semcom.setting_options import SystemOptions, parse_options
from shared.runtime.settings import DEFAULT_WEIGHTS
from shared.tasks import get_task
from shared.weights import load_joint_manifest
from systems.registry import DEFAULT_SYSTEM


def evaluate_command(
    task: Annotated[
        str, typer.Option("--tasks", "--task", help="Comma-separated; all trained ones when absent.")
    ] = "",
    system: common.SYSTEM = DEFAULT_SYSTEM,
    channel: common.CHANNELS = "awgn",
    snr_db: common.SNRS = "12",
    fading: Annotated[str, typer.Option(help="block | symbol | doppler")] = "block",
    seed: common.LINK_SEED = 0,
    realisations: Annotated[
        int,
        typer.Option(
            min=1, max=1000, help="Send each instance over so many draws of the channel, and take the mean."
        ),
    ] = 1,
    weights: common.WEIGHTS = DEFAULT_WEIGHTS,
    dataset: Annotated[
        str | None, typer.Option(help="Data set to measure on; each task's first when absent (semcom data).")
    ] = None,
    split: Annotated[Literal["test", "validation"], typer.Option(help="Split of the data set.")] = "test",
    option: SystemOptions = None,
    limit: common.LIMIT = None,
    over_network: Annotated[
        bool, typer.Option(help="Measure through the three services, which are started for it.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(help="Measure through services that run already: address of their transmitter."),
    ] = None,
    threads: common.THREADS = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a figure.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Also write the figures there, as a JSON array, after each task.")
    ] = None,
) -> None:
    """Measure tasks on a split (Algorithm 2), of the data that SEMCOM_DATA names."""
    torch.set_num_threads(threads)
    manifest = load_joint_manifest(weights_of(weights, system))
    tasks = [get_task(name.strip()).name for name in task.split(",")] if task else list(manifest.tasks)
    links = common.links_of(channel, snr_db, seed, fading)
    networked = over_network or url is not None
    measure = partial(
        evaluate,
        manifest=manifest,
        over_network=networked,
        num_realisations=realisations,
        limit=limit,
        dataset=dataset,
        split=split,
        options=parse_options(option or []),
    )
    rows: list[dict[str, Any]] = []
    if output is not None:
        check_writable(output)
    with (
        over_services(weights, manifest, url)
        if networked
        else nullcontext(SemanticLink.load(weights, system).send)
    ) as send:
        for name in tasks:
            for scored in measure(name, links, send=send):
                rows.append(asdict(scored.figure))
                typer.echo(json.dumps(rows[-1]) if as_json else _line(scored.figure))
            if output is not None:
                write_json(output, rows)


def _line(figure: Figure) -> str:
    guess = "" if figure.guesser is None else f"  (guesser {figure.guesser:.4f})"
    return (
        f"{figure.task:22} {figure.dataset:14} {figure.split:10} {figure.channel:9} {figure.snr_db:6g} dB  "
        f"{figure.metric:13} {figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}]{guess}"
        f"  over {figure.num_instances}"
        + (f" x {figure.num_realisations} channel realisations" if figure.num_realisations > 1 else "")
    )
