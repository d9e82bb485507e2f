"""`semcom compare`: measures several systems over the same channel draws, and reports the comparison."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

import torch
import typer

from channel_service.radio.channels import Channel
from experiments.commands import options as common
from experiments.commands.figures import put_table
from experiments.commands.matches import matches_file, measure_matches, read_matches
from experiments.evaluation.comparison import Comparison
from experiments.evaluation.evaluate import evaluate
from experiments.evaluation.link import SemanticLink, weights_of
from experiments.evaluation.results import check_writable
from experiments.report.comparison import readme_table, write_report
from semcom.setting_options import parse_options
from shared.errors import InvalidField
from shared.runtime.settings import DEFAULT_WEIGHTS
from shared.tasks import TASKS, get_task
from shared.weights import Manifest, find_weights, load_joint_manifest
from systems.registry import DEFAULT_SYSTEM, SYSTEMS, get_system
from systems.rows import Options

_ALL = "all"
README_MARK = "<!-- written by semcom compare -->"


def compare_command(
    tasks: Annotated[str, typer.Option("--tasks", "--task", help="Comma-separated, or all.")] = (
        "vqa,movie_genres"
    ),
    systems: Annotated[
        str,
        typer.Option(
            "--systems",
            "--system",
            help="Comma-separated, or all; an option of a system follows its name, as in NAME:OPTION=VALUE.",
        ),
    ] = _ALL,
    channels: common.CHANNELS = "awgn,rayleigh",
    snr_db: common.SNRS = "-6:18:3",
    limit: common.LIMIT = None,
    seed: common.LINK_SEED = 0,
    reference: Annotated[
        str, typer.Option(help="System that all others are compared with.")
    ] = DEFAULT_SYSTEM,
    weights: common.WEIGHTS = DEFAULT_WEIGHTS,
    threads: common.THREADS = 2,
    output: Annotated[
        Path, typer.Option(help="JSON file of the rows; the report is written beside it.")
    ] = Path("results/compare.json"),
    report: Annotated[
        bool, typer.Option("--report", help="Measure nothing: only write the report of the stored rows.")
    ] = False,
    match_channel_uses: Annotated[
        bool,
        typer.Option(
            "--match-channel-uses",
            help="Measure systems that can trade quality within the reference's channel uses, too.",
        ),
    ] = False,
    readme: common.README = None,
) -> None:
    """Measure several systems on the test splits over the same draws, and write the comparison.

    Instance i is frame i of the link's seed for every system. Rows of the same weights, limit, seed and
    options that are there already are kept: an interrupted command goes on. Systems without weights are
    named with the reason.
    """
    torch.set_num_threads(threads)
    get_system(reference)
    chosen_tasks = [get_task(name).name for name in _names(tasks, list(TASKS))]
    contenders = [_read_contender(text, chosen_tasks) for text in _names(systems, list(SYSTEMS))]
    links = common.links_of(channels, snr_db, seed)
    check_writable(output)
    comparison = Comparison.read(output)
    if not report:
        _measure(comparison, weights, list(product(chosen_tasks, contenders)), links, limit)
        if match_channel_uses:
            ready = _ready_pairs(weights, chosen_tasks, contenders, reference)
            measure_matches(matches_file(output), weights, ready, reference, links, limit)
    if not comparison.rows:
        raise InvalidField("output", output.name, "a file with measured rows, or systems with weights")
    untrained = missing_of(weights, list(SYSTEMS), list(TASKS))
    for path in write_report(comparison, reference, untrained, read_matches(matches_file(output))):
        typer.echo(path)
    if readme is not None:
        put_table(readme, readme_table(comparison, reference, untrained), README_MARK)


@dataclass(frozen=True)
class _Contender:
    """A system that is measured, with options that its clients might choose.

    Attributes:
        system: Its name.
        options: Those that are given; the rest take their default.
    """

    system: str
    options: Options

    def __str__(self) -> str:
        return ":".join([self.system, *(f"{name}={value}" for name, value in self.options.items())])


def _ready_pairs(
    weights: Path, tasks: list[str], contenders: list[_Contender], reference: str
) -> list[tuple[str, str]]:
    """Tasks and systems that have weights, and whose task the reference has weights for too."""
    systems = list(dict.fromkeys(contender.system for contender in contenders))
    missing = missing_of(weights, [*systems, reference], tasks)
    return [
        (task, system)
        for task, system in product(tasks, systems)
        if not {(system, task), (reference, task)} & missing.keys()
    ]


def _read_contender(text: str, tasks: list[str]) -> _Contender:
    """A contender from NAME or NAME:OPTION=VALUE:...

    Raises:
        UnknownName: If there is no such system.
        InvalidField: If it has no such option, or a value is not allowed for a task.
    """
    name, *options = text.split(":")
    contender = _Contender(get_system(name).name, parse_options(options))
    for task in tasks:
        get_system(name).read_options(task, contender.options)
    return contender


def missing_of(weights: Path, systems: list[str], tasks: list[str]) -> dict[tuple[str, str], str]:
    """Why a system cannot be measured on a task, by (system, task); pairs that can be are absent."""
    folders = find_weights(weights)
    missing = {}
    for system in systems:
        manifest = load_joint_manifest(folders[system]) if system in folders else None
        for task in tasks:
            if manifest is None:
                missing[system, task] = "not trained: there are no weights of this system"
            elif task not in manifest.tasks:
                missing[system, task] = f"not trained: its weights serve {', '.join(manifest.tasks)}"
    return missing


def _names(text: str, every: list[str]) -> list[str]:
    """Names of a comma-separated list, once each; all where it says so."""
    if text.strip() == _ALL:
        return every
    return list(dict.fromkeys(name.strip() for name in text.split(",")))


def _measure(
    comparison: Comparison,
    weights: Path,
    pairs: list[tuple[str, _Contender]],
    links: list[Channel],
    limit: int | None,
) -> None:
    """Measure each contender on each task, and store the rows after each; say how long the rest may take."""
    missing = missing_of(weights, [own.system for _, own in pairs], [own for own, _ in pairs])
    for (system, task), reason in missing.items():
        typer.echo(f"{system} on {task}: {reason}", err=True)
    todo = [(task, own) for task, own in pairs if (own.system, task) not in missing]
    started, num_measured = time.monotonic(), 0
    for number, (task, contender) in enumerate(todo, 1):
        manifest = load_joint_manifest(weights_of(weights, contender.system))
        options = get_system(contender.system).read_options(task, contender.options)
        left = _links_left(comparison, manifest, task, options, links, limit)
        if not left:
            typer.echo(f"{number} of {len(todo)}: {contender} on {task}: kept", err=True)
            continue
        send = SemanticLink.load(weights, contender.system).send
        scored = evaluate(task, left, manifest=manifest, send=send, limit=limit, options=options)
        comparison.add([own for own in scored if own.figure.metric == scored[0].figure.metric], limit)
        num_measured += 1
        rest_min = (time.monotonic() - started) / num_measured * (len(todo) - number) / 60
        typer.echo(
            f"{number} of {len(todo)}: {contender} on {task}: measured; about {rest_min:.0f} min left",
            err=True,
        )


def _links_left(
    comparison: Comparison,
    manifest: Manifest,
    task: str,
    options: Options,
    links: list[Channel],
    limit: int | None,
) -> list[Channel]:
    """The channels over which a system is still to be measured, with these weights and options."""
    done = {
        (row["channel"], row["fading"], row["snr_db"], row["seed"])
        for row in comparison.rows
        if (row["task"], row["system"]) == (task, manifest.system)
        and (row["fingerprint"], row["limit"], row["config"]["options"])
        == (manifest.fingerprint, limit, options)
    }
    return [link for link in links if (link.model, link.fading, link.snr_db, link.seed) not in done]
