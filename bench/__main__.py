"""`python -m bench`: throughput, faults under load, a long run and hostile inputs, over real services."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.faults import measure_faults
from bench.hostile import measure_hostile
from bench.long_run import measure_long_run
from bench.report import provenance, store
from bench.throughput import measure_throughput
from shared.runtime.settings import DEFAULT_WEIGHTS

PARTS: dict[str, Callable[[bool, Path, Path], dict[str, Any]]] = {
    "throughput": lambda long, weights, _: measure_throughput(20.0 if long else 3.0, weights),
    "faults": lambda long, weights, _: measure_faults(10.0 if long else 4.0, weights),
    "soak": lambda long, weights, _: measure_long_run(900.0 if long else 90.0, weights),
    "hostile": lambda long, weights, folder: measure_hostile(10_000 if long else 500, weights, folder),
}
"""By name: measures in the long or the short form, with weights and the folder for findings."""


def main(
    parts: Annotated[str, typer.Option(help=f"Comma-separated: {', '.join(PARTS)}.")] = ",".join(PARTS),
    long: Annotated[bool, typer.Option("--long", help="Measure for hours, not minutes.")] = False,
    weights: Annotated[
        Path, typer.Option(help="Folder with a folder of weights a system.")
    ] = DEFAULT_WEIGHTS,
    output: Annotated[
        Path, typer.Option(help="JSON file of the figures; pictures are written beside it.")
    ] = Path("results/reliability.json"),
    findings: Annotated[
        Path, typer.Option(help="Folder for hostile inputs that a service did not stand.")
    ] = Path("runs/findings"),
) -> None:
    """Measure how the three services behave under load, faults and hostile inputs.

    Each part is stored as soon as it is done, in the place of an earlier one. Ends with status 1 where a goal
    is not met.
    """
    names = [name.strip() for name in parts.split(",")]
    if unknown := set(names) - PARTS.keys():
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: none of {', '.join(PARTS)}")
    num_missed = 0
    for name in names:
        started, where = time.monotonic(), provenance(is_long=long)
        typer.echo(f"{name}: begins", err=True)
        figures = PARTS[name](long, weights, findings)
        for goal, measured, is_met in figures["goals"]:
            typer.echo(f"  {'met    ' if is_met else 'NOT MET'}  {goal}: {measured}")
            num_missed += not is_met
        store(output, name, where, figures)
        typer.echo(f"{name}: stored after {time.monotonic() - started:.0f} s", err=True)
    raise typer.Exit(num_missed > 0)


if __name__ == "__main__":
    typer.run(main)
