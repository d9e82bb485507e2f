"""`semcom train`, `campaign`, `evaluate`, `compare`, `figures`, `plot`: what is done offline."""

from __future__ import annotations

import typer
from rich.console import Console

from experiments.commands.campaign import campaign_command
from experiments.commands.compare import compare_command
from experiments.commands.evaluate import evaluate_command
from experiments.commands.figures import figures_command
from experiments.commands.plot import plot_command
from experiments.commands.train import train_command
from shared.errors import SemcomError

app = typer.Typer(no_args_is_help=True)
app.command("train")(train_command)
app.command("campaign")(campaign_command)
app.command("evaluate")(evaluate_command)
app.command("compare")(compare_command)
app.command("plot")(plot_command)
app.command("figures")(figures_command)


@app.callback()
def _experiments() -> None:
    """Train and measure systems, offline."""


def main() -> None:
    """Run a command; one clear line where something is wrong."""
    try:
        app()
    except SemcomError as error:
        Console(stderr=True).print(f"[red]error[/]: {error.message}", soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
