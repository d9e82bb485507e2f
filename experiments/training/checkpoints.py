"""A run on disk: checkpoints that resume to the step, and the weights that both services load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from experiments.training.recipes import Recipe, TaskRecipe
from experiments.training.run import Run
from shared.errors import InvalidField
from shared.provenance import cpu_name
from shared.weights import Manifest, Side, save_weights

CHECKPOINT_FILE = "checkpoint.pt"


def save_checkpoint(run: Run, folder: Path) -> None:
    """Write everything needed to go on at this step."""
    state: dict[str, Any] = {
        "identity": run.identity,
        "halves": {half: network.state_dict() for half, network in run.system.halves.items()},
        "optimisers": {task: optimiser.state_dict() for task, optimiser in run.optimisers.items()},
        "command": run.command,
        "commits": run.commits,
        "done": run.done,
        "hours": run.hours,
    }
    partial = folder / (CHECKPOINT_FILE + ".part")
    torch.save(state, partial)
    partial.rename(folder / CHECKPOINT_FILE)


def load_checkpoint(run: Run, folder: Path) -> None:
    """Go back to where a run stopped.

    Raises:
        InvalidField: If it was a run of another system, profile, seed, recipe or start.
    """
    state = torch.load(folder / CHECKPOINT_FILE, map_location=run.device, weights_only=True)
    if differing := _differences(state["identity"], run.identity):
        allowed = f"an empty folder, or one of a run with the same {', '.join(differing)}"
        raise InvalidField("run-folder", folder.name, allowed)
    for half, network in run.system.halves.items():
        network.load_state_dict(state["halves"][half])
    for task, optimiser in run.optimisers.items():
        optimiser.load_state_dict(state["optimisers"][task])
    run.done.update(state["done"])
    run.command, run.hours = state["command"], state["hours"]
    is_over = run.num_done == run.recipe.total_steps
    run.commits = list(dict.fromkeys([*state["commits"], *([] if is_over else run.commits)]))


def _differences(stored: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    """Dotted names of what differs; a field that a stored recipe lacks counts as its default."""
    recipe = stored["recipe"]
    tasks = {name: asdict(TaskRecipe(0, 0)) | fields for name, fields in recipe["tasks"].items()}
    completed = _flat({**stored, "recipe": asdict(Recipe({})) | recipe | {"tasks": tasks}})
    current = _flat(own)
    names = dict.fromkeys([*current, *completed])
    return [name for name in names if completed.get(name) != current.get(name)]


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        is_group = isinstance(value, Mapping)
        flat |= _flat(value, f"{prefix}{name}.") if is_group else {f"{prefix}{name}": value}
    return flat


def export(run: Run, folder: Path) -> Manifest:
    """Write the weights both services load, with how they were trained."""
    training: dict[str, Any] = {
        "command": run.command,
        "commits": run.commits,
        "machine": _machine(run),
        "seed": run.seed,
        "started_from": run.started_from,
        "datasets": {task: sampler.dataset for task, sampler in run.samplers.items()},
        "steps": dict(run.done),
        "hours": round(run.hours, 2),
        "recipe": asdict(run.recipe),
    }
    manifest = Manifest(
        system=run.system_name,
        tasks=tuple(run.recipe.tasks),
        labels={task: sampler.labels for task, sampler in run.samplers.items() if sampler.labels},
        config=run.system.config(run.profile, len(run.vocabulary), run.words),
        training=training,
    )
    return save_weights(folder, manifest, run.system.halves, run.vocabulary, shared=_standing_still(run))


def _standing_still(run: Run) -> dict[Side, list[str]]:
    """Parameters that are still those of a public model, so that several systems can share them."""
    stepped = {id(own) for optimiser in run.optimisers.values() for own in optimiser.parameters()}
    named = run.system.transmitter.named_parameters()
    pretrained = run.system.pretrained
    return {
        "transmitter": [name for name, own in named if name.startswith(pretrained) and id(own) not in stepped]
    }


def _machine(run: Run) -> str:
    """The processor and the number of threads, or the GPU, that trains."""
    if run.device.type == "cuda":
        return torch.cuda.get_device_name(run.device)
    return f"{torch.get_num_threads()} threads of {cpu_name()}"
