"""`semcom soak`: throughput, faults under load, a long run, hostile inputs, and the document of it all."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import WEIGHTS
from shared.errors import InvalidField
from shared.runtime.settings import DEFAULT_WEIGHTS

_NAMES = ("throughput", "faults", "soak", "hostile")
# Services say many times a second what they wait for.
_PROGRESS_EVERY_S = 5.0


def soak_command(
    parts: Annotated[
        str, typer.Option(help="Comma-separated: throughput, faults, soak, hostile.")
    ] = ",".join(_NAMES),
    long: Annotated[bool, typer.Option("--long", help="Measure the whole, for hours, not minutes.")] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Measure nothing: only write the document of the stored figures.")
    ] = False,
    weights: WEIGHTS = DEFAULT_WEIGHTS,
    output: Annotated[
        Path, typer.Option(help="JSON file of the figures; the pictures are written beside it.")
    ] = Path("results/reliability.json"),
    document: Annotated[Path, typer.Option(help="Markdown file of the document.")] = Path(
        "docs/reliability.md"
    ),
    findings: Annotated[
        Path, typer.Option(help="Folder for hostile inputs that a service did not stand.")
    ] = Path("runs/findings"),
) -> None:
    """Measure how the three services behave under load, faults and hostile inputs; write the document.

    Each part is stored as soon as it is done; --parts measures some of them anew. It needs the extra `dev`.
    """
    chosen = [] if report else _chosen(parts)
    # These import what only the extra `dev` brings, and matplotlib, which loads in seconds.
    from experiments.reliability.document import write_document
    from experiments.reliability.parts import LONG, PARTS, SHORT
    from experiments.reliability.processes import provenance
    from experiments.reliability.stored import store_part

    for name in chosen:
        started = time.monotonic()
        typer.echo(f"{name}: begins", err=True)
        where = provenance(is_long=long)
        figures = PARTS[name](LONG if long else SHORT, weights, findings, _teller(name))
        store_part(output, name, where, figures)
        typer.echo(f"{name}: stored after {time.monotonic() - started:.0f} s", err=True)
    for path in write_document(output, document):
        typer.echo(path)


def _teller(name: str) -> Callable[[str], None]:
    """Tells how far a part is, on standard error, unless something was told just now."""
    told = time.monotonic()

    def tell(message: str) -> None:
        nonlocal told
        if time.monotonic() - told >= _PROGRESS_EVERY_S:
            told = time.monotonic()
            typer.echo(f"{name}: {message}", err=True)

    return tell


def _chosen(parts: str) -> list[str]:
    names = [name.strip() for name in parts.split(",")]
    for name in names:
        if name not in _NAMES:
            raise InvalidField("parts", name, "comma-separated names of " + ", ".join(_NAMES))
    return names
