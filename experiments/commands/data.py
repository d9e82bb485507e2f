"""`semcom data`: which splits of which data sets can be read here, and where to get the others."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from experiments.data.base import SPLITS
from experiments.data.catalogue import DATASETS, Dataset
from experiments.data.packed import cache_folder
from shared.tasks import TASKS

app = typer.Typer(no_args_is_help=True)


@dataclass(frozen=True)
class Finding:
    """What this machine has of one data set.

    Attributes:
        task: The task that its targets are for.
        dataset: Name of the data set.
        stands_for: The data set of the paper that it replaces; empty if it is that data set itself.
        found: Splits that can be read.
        missing: Files that the other splits need, relative to the folder of data sets.
        missing_programs: Programs that have to be installed before the other splits can be made.
        source: Where to get the files.
    """

    task: str
    dataset: str
    stands_for: str
    found: tuple[str, ...]
    missing: tuple[str, ...]
    missing_programs: tuple[str, ...]
    source: str


def take_stock(root: Path | None) -> list[Finding]:
    """Look for the files and programs of every data set; the answers are in the order of the tasks.

    Args:
        root: Folder of data sets; if there is none, all files are missing.
    """
    findings = [_find(name, dataset, root) for name, dataset in DATASETS.items()]
    return sorted(findings, key=lambda finding: list(TASKS).index(finding.task))


def _find(name: str, dataset: Dataset, root: Path | None) -> Finding:
    files = {split: dataset.missing_files(root, split) if root else dataset.files[split] for split in SPLITS}
    programs = {split: dataset.missing_program(split) for split in SPLITS}
    return Finding(
        task=dataset.task,
        dataset=name,
        stands_for=dataset.stands_for,
        found=tuple(split for split in SPLITS if not files[split] and programs[split] is None),
        missing=tuple(dict.fromkeys(file for split in SPLITS for file in files[split])),
        missing_programs=tuple(dict.fromkeys(filter(None, programs.values()))),
        source=dataset.source,
    )


@app.callback()
def _data() -> None:
    """Data sets."""


@app.command("data")
def data_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines, nothing else.")] = False,
) -> None:
    """List the splits of every data set that can be read, and what the others need and where to get it."""
    folder = os.environ.get("SEMCOM_DATA")
    findings = take_stock(Path(folder) if folder else None)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
        return
    console = Console()
    console.print(_table(findings))
    where = "Set SEMCOM_DATA to the folder of data sets."
    if folder:
        where = f"Data sets are read from {folder}{'' if Path(folder).is_dir() else ', which is no folder'}."
    lines = [f"{where} Decoded files are kept in {cache_folder()}."]
    for finding in findings:
        if finding.missing or finding.missing_programs:
            lines.append(f"\n{finding.dataset}, source: {finding.source}")
        lines += [f"  missing file {file}" for file in finding.missing]
        for program in finding.missing_programs:
            lines.append(f"  missing program {program}, install it: apt install {program}")
    console.print("\n".join(lines), soft_wrap=True, markup=False, highlight=False)


def _table(findings: list[Finding]) -> Table:
    table = Table(*(Column(name, no_wrap=True) for name in ("task", "data set", "found")), "instead of")
    task = ""
    for finding in findings:
        if task and finding.task != task:
            table.add_section()
        cells = (
            "" if finding.task == task else finding.task,
            finding.dataset,
            "all splits" if finding.found == SPLITS else ", ".join(finding.found) or "-",
            finding.stands_for or "- (the paper's own)",
        )
        table.add_row(*(Text(cell) for cell in cells))
        task = finding.task
    return table
