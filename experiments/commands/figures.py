"""`semcom figures`: measures weights on every test split; writes rows, pictures, card and table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from channel_service.links.settings import LinkSettings
from channel_service.radio.channels import Channel
from experiments.commands.options import README, SYSTEM, THREADS, WEIGHTS
from experiments.data import load_examples
from experiments.evaluation.evaluate import evaluate
from experiments.evaluation.link import SemanticLink, weights_of
from experiments.evaluation.results import check_writable, read_figures, write_json
from experiments.report.measured import CHANNELS, NO_NOISE_DB, SNRS_DB, realisations_of, sets_of, table_of
from experiments.report.model_card import write_model_card
from experiments.report.overview import draw_overview
from experiments.report.plots import plot_figures
from shared.runtime.settings import DEFAULT_WEIGHTS
from shared.weights import load_joint_manifest, load_manifest
from systems.registry import DEFAULT_SYSTEM

_BEGIN, _END = "<!-- written by semcom figures -->", "<!-- end -->"


def figures_command(
    system: SYSTEM = DEFAULT_SYSTEM,
    weights: WEIGHTS = DEFAULT_WEIGHTS,
    results: Annotated[Path, typer.Option(help="Folder for rows and pictures.")] = Path("results"),
    readme: README = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many instances of each set.")] = 1000,
    threads: THREADS = 2,
) -> None:
    """Measure a system's weights on the test split of every data set, then write rows, pictures and card.

    Rows of these weights and this limit that are there already are kept: an interrupted command goes on.
    """
    torch.set_num_threads(threads)
    folders = weights_of(weights, system)
    rows_file = results / f"{system}.json"
    check_writable(rows_file)
    rows = _measure(weights, system, rows_file, limit)
    for folder in folders:
        write_model_card(folder, [row for row in rows if row["task"] in load_manifest(folder).tasks])
    _draw(rows, results, system)
    if readme is not None:
        put_table(readme, table_of(rows))
    cards = ", ".join(str(folder / "README.md") for folder in folders)
    typer.echo(f"{rows_file}, its pictures beside it, {cards}")


def _measure(weights: Path, system: str, rows_file: Path, limit: int) -> list[dict[str, Any]]:
    manifest = load_joint_manifest(weights_of(weights, system))
    rows = read_figures([rows_file]) if rows_file.is_file() else []
    rows = [row for row in rows if (row["fingerprint"], row.get("limit")) == (manifest.fingerprint, limit)]
    done = {(row["task"], row["dataset"]) for row in rows}
    send = SemanticLink.load(weights, system).send
    for task, dataset in ((own, name) for own in manifest.tasks for name in sets_of(own)):
        if (task, dataset) in done:
            continue
        measured = evaluate(
            task,
            _channels(),
            manifest=manifest,
            send=send,
            num_realisations=realisations_of(len(load_examples(task, "test", dataset))),
            limit=limit,
            dataset=dataset,
        )
        rows += [{**asdict(own.figure), "limit": limit} for own in measured]
        write_json(rows_file, rows)
        typer.echo(f"{task} on {dataset}: measured")
    return rows


def _channels() -> list[Channel]:
    places = [(model, snr_db) for model in CHANNELS for snr_db in SNRS_DB]
    return [
        LinkSettings(channel=model, snr_db=snr_db).to_channel()
        for model, snr_db in [*places, (CHANNELS[0], NO_NOISE_DB)]
    ]


def _draw(rows: list[dict[str, Any]], results: Path, system: str) -> None:
    noisy = [row for row in rows if row["snr_db"] != NO_NOISE_DB]
    for suffix in ("png", "svg"):
        plot_figures(noisy, results / f"{system}.{suffix}")
    draw_overview(rows, results / f"{system}-overview.png")


def put_table(readme: Path, lines: list[str], begin: str = _BEGIN) -> None:
    """Write a table between the two marks of a Markdown file.

    Args:
        readme: The file.
        lines: Of the table.
        begin: Mark above it; the mark below it is the first end after that.

    Raises:
        ValueError: If the file has no such marks.
    """
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    _, mark, after = rest.partition(_END)
    if not mark:
        raise ValueError(f"{readme.name} has no {begin} ... {_END}")
    readme.write_text(before + "\n".join([begin, *lines, _END]) + after, encoding="utf-8")
