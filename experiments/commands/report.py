"""`semcom plot` and `semcom card`: pictures and the model card, from measured figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.evaluation.results import read_figures
from experiments.report.model_card import write_model_card
from shared.settings import DEFAULT_WEIGHTS
from shared.systems import DEFAULT_SYSTEM


def plot_command(
    results: Annotated[list[Path], typer.Argument(help="Files that evaluate --output wrote.")],
    output: Annotated[Path, typer.Option(help="PNG, SVG or PDF.")] = Path("results/metric-vs-snr.png"),
    metrics: Annotated[str, typer.Option(help="Comma-separated; all when absent.")] = "",
) -> None:
    """Draw metric against SNR: a row a task, a column a channel, a line a system."""
    from experiments.report.plots import plot_figures  # matplotlib loads in seconds

    chosen = [name.strip() for name in metrics.split(",") if name.strip()]
    typer.echo(plot_figures(read_figures(results), output, metrics=chosen))


def card_command(
    results: Annotated[list[Path], typer.Argument(help="Files that evaluate --output wrote.")],
    weights: Annotated[Path, typer.Option(help="Folder of one system's weights.")] = DEFAULT_WEIGHTS
    / DEFAULT_SYSTEM,
    notes: Annotated[Path | None, typer.Option(help="Markdown to put between training and figures.")] = None,
) -> None:
    """Write the model card of weights from their manifest and measured figures."""
    words = notes.read_text(encoding="utf-8") if notes else ""
    typer.echo(write_model_card(weights, read_figures(results), words))
