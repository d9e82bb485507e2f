"""`semcom data`: which data sets are here, which are not, and where to get them."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from experiments.data.catalogue import DATASETS
from experiments.data.packed import cache_folder
from shared.tasks import TASKS

_PLAIN: dict[str, Any] = {"soft_wrap": True, "markup": False, "highlight": False}

app = typer.Typer(no_args_is_help=True)


@dataclass(frozen=True)
class Finding:
    """What is there of one data set.

    Attributes:
        task: That it serves.
        dataset: Its name.
        stands_for: The set of the paper that it takes the place of; empty where it is that set.
        found: Splits that can be loaded.
        missing: Files of the others, relative to the folder of data sets.
        source: Where to get it.
    """

    task: str
    dataset: str
    stands_for: str
    found: tuple[str, ...]
    missing: tuple[str, ...]
    source: str


def take_stock(root: Path | None) -> list[Finding]:
    """What is there of every data set, task by task.

    Args:
        root: Folder of data sets; where there is none, everything is missing.
    """
    findings = []
    for name, dataset in DATASETS.items():
        missing = {
            split: dataset.missing(root, split) if root else files for split, files in dataset.files.items()
        }
        findings.append(
            Finding(
                task=dataset.task,
                dataset=name,
                stands_for=dataset.stands_for,
                found=tuple(split for split, files in missing.items() if not files),
                missing=tuple(dict.fromkeys(file for files in missing.values() for file in files)),
                source=dataset.source,
            )
        )
    return sorted(findings, key=lambda finding: list(TASKS).index(finding.task))


@app.callback()
def _data() -> None:
    """Data sets."""


@app.command("data")
def data_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines, nothing else.")] = False,
) -> None:
    """List the data sets below SEMCOM_DATA: what is found, what is missing, where to get it."""
    folder = os.environ.get("SEMCOM_DATA")
    findings = take_stock(Path(folder) if folder else None)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
        return
    console = Console()
    console.print(_table(findings))
    console.print(
        f"Looked in {folder or 'no folder: set SEMCOM_DATA to one'}. Unpacked into {cache_folder()}.",
        **_PLAIN,
    )
    for finding in findings:
        if finding.missing:
            console.print(f"\n{finding.dataset}: get it from {finding.source}", **_PLAIN)
            for file in finding.missing:
                console.print(f"  missing {file}", **_PLAIN)


def _table(findings: list[Finding]) -> Table:
    table = Table(*(Column(name, no_wrap=True) for name in ("task", "data set", "found")), "is")
    task = ""
    for finding in findings:
        if task and finding.task != task:
            table.add_section()
        cells = (
            "" if finding.task == task else finding.task,
            finding.dataset,
            ", ".join(finding.found) or "-",
            f"instead of {finding.stands_for}" if finding.stands_for else "the paper's",
        )
        table.add_row(*(Text(cell) for cell in cells))
        task = finding.task
    return table
