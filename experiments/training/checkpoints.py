"""A run on disk: checkpoints that resume to the step, and the weights that both services load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from experiments.training.optimisers import resume_optimiser
from experiments.training.run import Run
from shared.errors import InvalidField
from shared.networks.mfmsc import MfmscConfig
from shared.weights import Manifest, save_weights

CHECKPOINT_FILE = "checkpoint.pt"


def save_checkpoint(run: Run, folder: Path) -> None:
    """Write everything needed to go on at this step."""
    state = {
        "transmitter": run.transmitter.state_dict(),
        "receiver": run.receiver.state_dict(),
        "optimisers": {task: optimiser.state_dict() for task, optimiser in run.optimisers.items()},
        "done": run.done,
        "hours": run.hours,
        "origin": {"profile": run.profile.name, "seed": run.seed, "recipe": repr(run.recipe)},
        "started_from": run.started_from,
        "teachers": run.teachers,
        "lineage": run.lineage,
        "segments": run.segments,
    }
    partial = folder / (CHECKPOINT_FILE + ".part")
    torch.save(state, partial)
    partial.rename(folder / CHECKPOINT_FILE)


def load_checkpoint(run: Run, folder: Path, *, new_recipe: bool = False) -> None:
    """Go back to where a run stopped.

    Raises:
        InvalidField: If it was a run of another profile, seed, tasks or start, or, without `new_recipe`, of
            another recipe.
    """
    state = torch.load(folder / CHECKPOINT_FILE, map_location=run.device, weights_only=True)
    origin = state["origin"]
    if (origin["profile"], origin["seed"]) != (run.profile.name, run.seed):
        held = f"{folder.name} of profile {origin['profile']}, seed {origin['seed']}"
        raise InvalidField(
            "run-folder", held, f"an empty one, or a run of {run.profile.name}, seed {run.seed}"
        )
    if origin["recipe"] != repr(run.recipe) and not new_recipe:
        raise InvalidField(
            "run-folder", folder.name, "a run of the same recipe, or --new-recipe to change it"
        )
    if set(state["done"]) != set(run.done):
        raise InvalidField(
            "tasks", ", ".join(run.done), f"those of {folder.name}: {', '.join(state['done'])}"
        )
    if run.started_from != state["started_from"]:
        now_from, begun_from = (
            ", ".join(own["fingerprint"] for own in origins) or "no earlier weights"
            for origins in (run.started_from, state["started_from"])
        )
        allowed = f"what {folder.name} began with, the same parts of {begun_from}; or another --run-folder"
        raise InvalidField("start-from", now_from, allowed)
    if run.teachers != state.get("teachers", {}):
        raise InvalidField(
            "teacher", run.teachers, f"what {folder.name} began with: {state.get('teachers', {})}"
        )
    run.transmitter.load_state_dict(state["transmitter"])
    run.receiver.load_state_dict(state["receiver"])
    for task, optimiser in run.optimisers.items():
        resume_optimiser(optimiser, state["optimisers"][task])
    run.done.update(state["done"])
    run.hours, run.started_from, run.lineage = (state[name] for name in ("hours", "started_from", "lineage"))
    now, before = run.segment(), state["segments"]
    is_same = all(now[key] == before[-1].get(key) for key in ("command", "commit", "planned_steps"))
    is_over = now["from_step"] >= run.recipe.total_steps
    run.segments = before if is_same or is_over else [*before, now]


def export(run: Run, folder: Path) -> Manifest:
    """Write the weights both services load."""
    training: dict[str, Any] = {
        "command": run.segments[0].get("command", run.command),
        "device": str(run.device),
        "seed": run.seed,
        "datasets": {task: sampler.dataset for task, sampler in run.samplers.items()},
        "steps": dict(run.done),
        "hours": round(run.hours, 2),
        "segments": run.segments,
        "started_from": run.started_from,
        "teachers": run.teachers,
        "lineage": run.lineage,
    }
    manifest = Manifest(
        system="mfmsc",
        tasks=tuple(run.recipe.tasks),
        labels={task: sampler.labels for task, sampler in run.samplers.items() if sampler.labels},
        config=MfmscConfig(run.profile.name, len(run.vocabulary), run.words).to_json(),
        training=training,
    )
    return save_weights(folder, manifest, run.halves, run.vocabulary)
