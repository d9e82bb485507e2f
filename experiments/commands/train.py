"""`semcom train`: joint training (Algorithm 1)."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from experiments.commands.options import THREADS
from experiments.training.checkpoints import export
from experiments.training.devices import get_device
from experiments.training.distributed import join_ranks
from experiments.training.recipes import Recipe, scaled
from experiments.training.run import start_run
from experiments.training.timing import StepTiming, time_steps
from experiments.training.train import train
from experiments.training.trainable import get_trainable
from experiments.training.warm_start import find_minilm
from shared.errors import InvalidField
from shared.runtime.interrupts import ended_by_signals
from shared.tasks import get_task
from systems.layers.profiles import get_profile
from systems.registry import DEFAULT_SYSTEM

_OUTPUT = Annotated[Path | None, typer.Option(help="For weights; default: runs/SYSTEM/weights/SYSTEM.")]
_RUN_FOLDER = Annotated[Path | None, typer.Option(help="For checkpoints; default: runs/SYSTEM.")]
_LENGTH = Annotated[float, typer.Option(min=0.001, max=1000, help="Multiplies the steps of the recipe.")]
_SEED = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of weights, order and channels.")]
_MINILM = Annotated[Path | None, typer.Option(help="Folder of a BERT to start from; default: MiniLM.")]
_EARLIER = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Start from these weights instead.")]
_LIMIT = Annotated[int | None, typer.Option(min=1, help="Stop after so many steps; goes on when repeated.")]
_PROFILE_STEPS = Annotated[int | None, typer.Option(min=1, help="Only time so many steps of each task.")]


def train_command(
    tasks: Annotated[str, typer.Option(help="Comma-separated; all of the recipe when absent.")] = "",
    system: Annotated[str, typer.Option(help="System to train.")] = DEFAULT_SYSTEM,
    profile: Annotated[str, typer.Option(help="tiny | compact | paper")] = "compact",
    output: _OUTPUT = None,
    run_folder: _RUN_FOLDER = None,
    length: _LENGTH = 1.0,
    seed: _SEED = 0,
    device_name: Annotated[str, typer.Option("--device", help="cpu | cuda")] = "cpu",
    threads: THREADS = 2,
    minilm: _MINILM = None,
    from_scratch: Annotated[bool, typer.Option(help="Start with random weights, without a BERT.")] = False,
    start_from: _EARLIER = None,
    limit_steps: _LIMIT = None,
    profile_steps: _PROFILE_STEPS = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the measured times as JSON.")] = False,
) -> None:
    """Train jointly (Algorithm 1) on the data that SEMCOM_DATA names.

    Ctrl-C, SIGTERM and SIGHUP end a training with a checkpoint in its run folder; the same command goes on
    from there. A system whose tasks are trained alone gets one training after another, each with a folder for
    its checkpoints (RUN_FOLDER/TASK) and one for its weights (OUTPUT-TASK).
    """
    torch.set_num_threads(threads)
    recipe, device = _recipe(system, profile, tasks, length), get_device(device_name)
    folder = run_folder or Path("runs") / system
    weights = output or Path("runs") / system / "weights" / system
    is_random = from_scratch or start_from is not None or profile == "tiny"
    with ended_by_signals(), join_ranks(device) as (ranks, own_device):
        console = Console(width=200, soft_wrap=True, log_path=False, quiet=not ranks.is_first)
        timings: list[StepTiming] = []
        for own_recipe, own_folder, own_weights in _trainings(system, recipe, folder, weights):
            run = start_run(
                system, get_profile(profile), own_recipe, seed=seed, device=own_device,
                minilm=None if is_random else find_minilm(minilm), start_from=start_from,
            )  # fmt: skip
            run.command = shlex.join(["semcom", *sys.argv[1:]])
            if profile_steps is not None:
                timings += time_steps(run, profile_steps)
                continue
            train(run, own_folder, console, limit_steps=limit_steps, ranks=ranks)
            if ranks.is_first:
                mark = export(run, own_weights).fingerprint
                serving = f"semcom up --weights {own_weights.parent}"
                console.print(f"weights {mark} in {own_weights}; serve them: {serving}")
        if profile_steps is not None:
            _show(timings, console, as_json)


def _recipe(system: str, profile: str, tasks: str, length: float) -> Recipe:
    """The system's recipe of a profile, for the tasks that are named, with `length` times its steps."""
    recipes = get_trainable(system).recipes
    if profile not in recipes:
        raise InvalidField("profile", profile, f"those that {system} is trained in: {', '.join(recipes)}")
    recipe = scaled(recipes[profile], length)
    if not tasks:
        return recipe
    asked = [get_task(name.strip()).name for name in tasks.split(",")]
    if unknown := [name for name in asked if name not in recipe.tasks]:
        raise InvalidField("tasks", ", ".join(unknown), f"those with a recipe: {', '.join(recipe.tasks)}")
    return replace(recipe, tasks={name: recipe.tasks[name] for name in asked})


def _trainings(system: str, recipe: Recipe, folder: Path, weights: Path) -> list[tuple[Recipe, Path, Path]]:
    """Of each training that the system takes: the recipe, and the folders of its checkpoints and weights."""
    if not get_trainable(system).is_independent:
        return [(recipe, folder, weights)]
    return [
        (replace(recipe, tasks={task: own}), folder / task, weights.with_name(f"{weights.name}-{task}"))
        for task, own in recipe.tasks.items()
    ]


def _show(timings: Sequence[StepTiming], console: Console, as_json: bool) -> None:
    """Print what each task's steps cost, and the hours of the whole recipe."""
    hours = sum(own.planned_hours for own in timings)
    if as_json:
        console.print_json(data={"hours": hours, "tasks": [asdict(own) for own in timings]})
        return
    table = Table("task", "steps", "batch [ms]", "step [ms]", "device busy", "hours")
    for own in timings:
        figures = (f"{own.batch_ms:.1f}", f"{own.step_ms:.1f}", f"{own.busy_share:.0%}")
        table.add_row(own.task, str(own.planned_steps), *figures, f"{own.planned_hours:.2f}")
    console.print(table, f"the whole recipe: about {hours:.2f} hours")
