"""Algorithm 1: joint training of all tasks through the differentiable link.

Each step draws one task, a batch of it, an SNR and a channel for every instance, and lets that task's own
optimiser take a step. On one kind of processor a run is a pure function of its identity (recipe, seed,
...), and its checkpoint resumes it to the step.
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

from experiments.training.channel import random_channel
from experiments.training.checkpoints import CHECKPOINT_FILE, load_checkpoint, save_checkpoint
from experiments.training.devices import has_bfloat16
from experiments.training.distributed import ALONE, Ranks
from experiments.training.objectives import OBJECTIVES, Targets
from experiments.training.optimisers import rate_factor, require_gradients_of
from experiments.training.prefetch import made_ahead
from experiments.training.progress import TrainingProgress
from experiments.training.recipes import Recipe
from experiments.training.run import Run
from shared.runtime.interrupts import signals_noted
from shared.tasks import get_task
from systems.layers.batch import Batch

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


def num_batches_ahead(run: Run) -> int:
    """Batches that threads make while a GPU works; a CPU has no time to spare for them."""
    return 0 if run.device.type == "cpu" else _BATCHES_AHEAD


def make_batch(run: Run, task: str, step: int, ranks: Ranks = ALONE) -> tuple[Batch, Targets]:
    """The batch of a task's step and its targets; for a GPU in pinned memory."""
    batch, targets = run.samplers[task].batch(step, rank=ranks.rank, num_ranks=ranks.count)
    if run.device.type == "cuda":
        return batch.pinned(), tuple(tensor.pin_memory() for tensor in targets)
    return batch, targets


def train_step(run: Run, task: str, batch: Batch, targets: Targets, ranks: Ranks = ALONE) -> Watched:
    """One step of one task's optimiser (Algorithm 1, lines 9 to 20). On a GPU the host waits for nothing.

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
    batch, targets = batch.to(run.device), objective.to(run.device, targets)
    draw_number = run.num_done * ranks.count + ranks.rank
    generator = torch.Generator(run.device).manual_seed(run.seed * 1_000_003 + draw_number)
    torch.manual_seed(int(np.random.SeedSequence([run.seed, draw_number]).generate_state(1)[0]))  # dropout
    optimiser = run.optimisers[task]
    require_gradients_of(optimiser, *run.system.halves.values())
    sets_statistics = run.system.follow_batches(task, run.recipe)
    scores, mask = _cross_link(run, task, batch, generator)
    loss = objective.loss(scores, mask, targets, recipe)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    parameters = list(optimiser.parameters())
    ranks.average_gradients(parameters)
    if sets_statistics:
        ranks.average_statistics(run.system.transmitter)
    nn.utils.clip_grad_norm_(parameters, run.recipe.max_gradient_norm)
    optimiser.step(rate_factor(step, recipe.steps, run.recipe.warm_up))
    run.done[task] += 1
    return loss.detach(), objective.quality(scores.detach(), mask, targets)


def _cross_link(run: Run, task: str, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Scores of a batch after a random channel, and the mask of sent tokens."""
    rng = np.random.default_rng([run.seed, run.done[task], 3])
    rate = int(rng.choice(run.recipe.tasks[task].symbols_per_token))
    # Over a few dozen tokens a CPU is faster without the fused attention.
    attention = sdpa_kernel(SDPBackend.MATH) if run.device.type == "cpu" else nullcontext()
    with attention, torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=has_bfloat16(run.device)):
        symbols, mask = run.system.encode(task, batch, rate)
        snr_range_db, rayleigh_share = run.recipe.snr_range_db, run.recipe.rayleigh_share
        x_hat = random_channel(symbols, snr_range_db, rayleigh_share, generator=generator)
        return run.system.decode(task, x_hat, mask), mask


def train(
    run: Run, folder: Path, console: Console, *, limit_steps: int | None = None, ranks: Ranks = ALONE
) -> None:
    """Train to the end of the recipe, or for `limit_steps` more; checkpoints go to `folder`.

    An earlier checkpoint in `folder` is taken up where it stopped; one is written every five minutes and
    at the end, an exception or a signal included (SIGINT, SIGTERM, SIGHUP: they end it between two steps).

    Raises:
        InvalidField: If the checkpoint is of another run.
        KeyboardInterrupt: If a signal ended it; its checkpoint is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CHECKPOINT_FILE).is_file():
        load_checkpoint(run, folder)
        console.log(f"resumed at step {run.num_done} of {run.recipe.total_steps}")
    last = run.recipe.total_steps if limit_steps is None else run.num_done + limit_steps
    progress, saved_at = TrainingProgress(run, console), time.monotonic()

    def save() -> None:
        nonlocal saved_at
        now = time.monotonic()
        run.hours, saved_at = run.hours + (now - saved_at) / 3600, now
        if ranks.is_first:
            save_checkpoint(run, folder)

    with signals_noted() as stop:
        try:
            for (task, _), (batch, targets) in _batches(run, ranks):
                progress.note(task, *train_step(run, task, batch, targets, ranks))
                if time.monotonic() - saved_at > _CHECKPOINT_EVERY_S:
                    save()
                if stop.is_set() or run.num_done >= last:
                    break
        finally:
            save()
    if stop.is_set():
        raise KeyboardInterrupt


def _batches(run: Run, ranks: Ranks) -> Iterator[tuple[tuple[str, int], tuple[Batch, Targets]]]:
    """The batches to come, with the task and its step."""
    return made_ahead(planned_steps(run), lambda own: make_batch(run, *own, ranks), num_batches_ahead(run))
