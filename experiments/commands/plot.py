"""`semcom plot`: pictures of measured figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.evaluation.results import read_figures
from experiments.report.measured import NO_NOISE_DB
from experiments.report.plots import plot_figures


def plot_command(
    results: Annotated[list[Path], typer.Argument(help="Files that evaluate --output wrote.")],
    output: Annotated[Path, typer.Option(help="PNG, SVG or PDF.")] = Path("results/metric-vs-snr.png"),
    metrics: Annotated[str, typer.Option(help="Comma-separated; all when absent.")] = "",
) -> None:
    """Draw metric against SNR: a row for each task, a column for each channel, a line for each system."""
    chosen = [name.strip() for name in metrics.split(",") if name.strip()]
    rows = [row for row in read_figures(results) if row["snr_db"] != NO_NOISE_DB]
    typer.echo(plot_figures(rows, output, metrics=chosen))
