"""Algorithm 1: joint training of all tasks through the differentiable link.

Each step draws one task, a batch of it, an SNR and a channel for every instance, and lets that task's own
optimiser take a step. A run under one recipe is a pure function of (recipe, seed) and resumes to the step
from its checkpoint; one that goes on under another recipe, or other code, says so in its segments.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from experiments.evaluation.link import random_channel
from experiments.training.checkpoints import CHECKPOINT_FILE, load_checkpoint, save_checkpoint
from experiments.training.devices import has_bfloat16
from experiments.training.distributed import ALONE, Ranks
from experiments.training.objectives import OBJECTIVES, Targets
from experiments.training.optimisers import parameters_of, rate_factor, require_gradients_of, set_rate
from experiments.training.prefetch import made_ahead
from experiments.training.progress import TrainingProgress
from experiments.training.recipes import Recipe
from experiments.training.run import Run
from shared.interrupts import signals_noted
from shared.tasks import get_task
from transmitter.systems.mfmsc.network import Batch

_CHECKPOINT_EVERY_S = 300.0
_BATCHES_AHEAD = 8

Watched = tuple[Tensor, Tensor]


def choose_task(recipe: Recipe, seed: int, done: Mapping[str, int]) -> str | None:
    """Draw a task in proportion to the steps it has left; None when all are done (Algorithm 1, 4 to 8)."""
    step = sum(done.values())
    left = {task: own.steps - done[task] for task, own in recipe.tasks.items()}
    left = {task: count for task, count in left.items() if count > 0}
    is_open = {t: n for t, n in left.items() if recipe.tasks[t].opens_at * recipe.total_steps <= step}
    candidates = is_open or left
    if not candidates:
        return None
    weights = np.array(list(candidates.values()), dtype=float)
    rng = np.random.default_rng([seed, step, 1])
    return str(rng.choice(list(candidates), p=weights / weights.sum()))


def planned_steps(run: Run) -> Iterator[tuple[str, int]]:
    """The tasks to come, and the step of the task each is."""
    done = dict(run.done)
    while (task := choose_task(run.recipe, run.seed, done)) is not None:
        yield task, done[task]
        done[task] += 1


def train_step(run: Run, task: str, batch: Batch, targets: Targets, ranks: Ranks = ALONE) -> Watched:
    """One step of one task's optimiser (Algorithm 1, lines 9 to 20).

    Args:
        run: Changed by the step.
        task: Whose batch and optimiser are used.
        batch: Of the task's next step.
        targets: Of the batch.
        ranks: Processes that share the batch; gradients are averaged over them.

    Returns:
        Loss, and the task's watched quality of the batch, both through the noisy channel, on the device.
    """
    recipe, step, objective = run.recipe.tasks[task], run.done[task], OBJECTIVES[get_task(task).answer]
    batch, targets = batch.to(run.device), tuple(tensor.to(run.device) for tensor in targets)
    draw_number = sum(run.done.values()) * ranks.count + ranks.rank
    generator = torch.Generator(run.device).manual_seed(run.seed * 1_000_003 + draw_number)
    torch.manual_seed(int(np.random.SeedSequence([run.seed, draw_number]).generate_state(1)[0]))  # dropout
    rate = int(np.random.default_rng([run.seed, step, 3]).choice(recipe.symbols_per_token))
    optimiser = run.optimisers[task]
    require_gradients_of(optimiser, run.transmitter, run.receiver)
    sets_statistics = task == run.recipe.statistics_task
    run.transmitter.follow_batches(sets_statistics)
    # Over a few dozen tokens a CPU is faster without the fused attention.
    attention = sdpa_kernel(SDPBackend.MATH) if run.device.type == "cpu" else nullcontext()
    with attention, torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=has_bfloat16(run.device)):
        symbols, mask = run.transmitter(task, batch, rate)
        scores = run.receiver(task, random_channel(symbols, generator=generator))
    loss = objective.loss(scores, mask, targets, recipe)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = list(parameters_of(optimiser))
    ranks.average_gradients(parameters)
    if sets_statistics:
        ranks.average_statistics(run.transmitter)
    nn.utils.clip_grad_norm_(parameters, run.recipe.max_gradient_norm)
    set_rate(optimiser, rate_factor(step, recipe.steps, run.recipe.warm_up))
    optimiser.step()
    run.done[task] += 1
    return loss.detach(), objective.quality(scores.detach(), mask, targets)


def train(
    run: Run,
    folder: Path,
    console: Console,
    *,
    limit_steps: int | None = None,
    new_recipe: bool = False,
    ranks: Ranks = ALONE,
) -> None:
    """Train to the end of the recipe, or for `limit_steps` more; checkpoints go to `folder`.

    An earlier checkpoint in `folder` is taken up where it stopped; one is written every five minutes and
    at the end, an exception or a signal included (SIGINT, SIGTERM, SIGHUP: they end it between two steps).

    Raises:
        InvalidField: If the checkpoint is of another profile, seed, start or tasks, or, without `new_recipe`,
            of another recipe.
        KeyboardInterrupt: If a signal ended it; its checkpoint is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CHECKPOINT_FILE).is_file():
        load_checkpoint(run, folder, new_recipe=new_recipe)
        console.log(f"resumed at step {sum(run.done.values())} of {run.recipe.total_steps}")
    _encode_once(run)
    first, last_saved = sum(run.done.values()), time.monotonic()
    num_ahead = 0 if run.device.type == "cpu" else _BATCHES_AHEAD

    def make_batch(planned: tuple[str, int]) -> tuple[Batch, Targets]:
        task, step = planned
        return run.samplers[task].batch(step, rank=ranks.rank, num_ranks=ranks.count)

    watched = {task: OBJECTIVES[get_task(task).answer].watched for task in run.recipe.tasks}
    planned = {task: recipe.steps for task, recipe in run.recipe.tasks.items()}
    with signals_noted() as stop:
        try:
            with TrainingProgress(console, planned, run.done, watched) as progress:
                for (task, _), (batch, targets) in made_ahead(planned_steps(run), make_batch, num_ahead):
                    progress.step(task, *train_step(run, task, batch, targets, ranks))
                    now = time.monotonic()
                    if now - last_saved > _CHECKPOINT_EVERY_S:
                        run.hours += (now - last_saved) / 3600
                        last_saved = now
                        _save(run, folder, ranks)
                    taken = sum(run.done.values()) - first
                    if stop.is_set() or (limit_steps is not None and taken >= limit_steps):
                        break
        finally:
            run.hours += (time.monotonic() - last_saved) / 3600
            _save(run, folder, ranks)
    if stop.is_set():
        raise KeyboardInterrupt


def _encode_once(run: Run) -> None:
    """Spare the encoders that stand still what they would only repeat."""
    for task, sampler in run.samplers.items():
        for modality in get_task(task).modalities:
            if run.recipe.reads_once(task, modality):
                sampler.encode_once(modality, run.transmitter.encoders[modality])


def _save(run: Run, folder: Path, ranks: Ranks) -> None:
    if ranks.is_first:
        save_checkpoint(run, folder)
