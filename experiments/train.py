"""Algorithm 1: joint training of all tasks through the differentiable link.

Each step draws one task, a batch of it, an SNR and a channel for every instance, and lets that task's own
optimiser take a step. A run under one recipe is a pure function of (recipe, seed) and resumes to the step
from its checkpoint; one that goes on under another recipe, or other code, says so in its segments.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import nn

from experiments.datasets import load_examples
from experiments.link import random_channel
from experiments.losses import LOSSES
from experiments.progress import TrainingProgress
from experiments.provenance import current_commit
from experiments.recipes import Recipe, TaskRecipe
from experiments.sampling import Sampler
from experiments.warm_start import continue_from, read_pieces, warm_start
from receiver.network import ReceiverNetwork
from shared.checkpoint import Half, Manifest, save_weights
from shared.errors import InvalidField
from shared.profiles import Profile
from shared.tasks import Task, get_task
from shared.text import SPECIAL, Vocabulary
from transmitter.network import TransmitterNetwork

CHECKPOINT_FILE = "checkpoint.pt"
_CHECKPOINT_EVERY_S = 300.0
_FINAL_RATE = 0.01


@dataclass
class Run:
    """Everything a joint training run holds.

    Attributes:
        transmitter: Half under training.
        receiver: Half under training.
        samplers: Batches of each task.
        optimisers: One AdamW a task, over the parts the task uses.
        done: Steps taken of each task.
        started_from: Fingerprint and training of the earlier weights that it goes on from, if any.
        segments: Where the run began or went on otherwise: first step, commit, steps planned of each task.
    """

    recipe: Recipe
    seed: int
    device: torch.device
    transmitter: TransmitterNetwork
    receiver: ReceiverNetwork
    samplers: Mapping[str, Sampler]
    optimisers: Mapping[str, torch.optim.Optimizer]
    done: dict[str, int]
    profile: str = ""
    started_from: Mapping[str, Any] = field(default_factory=dict)
    hours: float = 0.0
    segments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return sum(task.steps for task in self.recipe.tasks.values())


def build_vocabulary(profile: Profile, minilm: Path | None, texts: Sequence[str]) -> Vocabulary:
    """The pretrained model's word pieces; without one, characters and the commonest words of `texts`."""
    if minilm is not None:
        return Vocabulary(read_pieces(minilm), profile.max_text_tokens)
    characters = sorted(
        {character for text in texts for character in text.lower() if not character.isspace()}
    )
    counts: dict[str, int] = {}
    for text in texts:
        for word in text.lower().split():
            counts[word] = counts.get(word, 0) + 1
    words = sorted(counts, key=lambda word: (-counts[word], word))[:4000]
    pieces = dict.fromkeys([*SPECIAL, *characters, *("##" + c for c in characters), *words])
    return Vocabulary(list(pieces), profile.max_text_tokens)


def task_parameters(
    task: Task, run_transmitter: nn.Module, run_receiver: nn.Module
) -> dict[str, nn.Parameter]:
    """Parameters a task's gradient reaches, by name."""
    prefixes = ["task_embedding.", "channel_encoder.", *(f"encoders.{m}." for m in task.modalities)]
    if task.is_multimodal:
        prefixes.append("fusion.")
    sent = {n: p for n, p in run_transmitter.named_parameters() if n.startswith(tuple(prefixes))}
    decoder = ("channel_decoder.", f"heads.{task.name}.")
    return sent | {n: p for n, p in run_receiver.named_parameters() if n.startswith(decoder)}


def make_optimiser(
    recipe: Recipe, task_recipe: TaskRecipe, parameters: Mapping[str, nn.Parameter]
) -> torch.optim.Optimizer:
    """AdamW over a task's parameters, parts at their own rates, frozen parts left out."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        if not parameter.requires_grad:
            continue
        rate = next((r for part, r in recipe.part_rates.items() if name.startswith(part)), None)
        groups.setdefault(rate or task_recipe.learning_rate, []).append(parameter)
    return torch.optim.AdamW(
        [{"params": params, "lr": rate, "peak": rate} for rate, params in groups.items()],
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def start_run(
    profile: Profile,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    minilm: Path | None = None,
    earlier: Path | None = None,
) -> tuple[Run, Vocabulary]:
    """Load data, build both halves and one optimiser a task.

    Args:
        profile: Sizes.
        recipe: Tasks, steps, rates.
        seed: Of weights, order, channels.
        device: To train on.
        minilm: BERT that the text encoder and the fusion start from.
        earlier: Folder of weights to start from instead; what they lack starts at random.

    Raises:
        DatasetMissing: If a task's data is not there.
        InvalidField: If the earlier weights are of another profile.
    """
    torch.manual_seed(seed)
    examples = {task: load_examples(task, "train") for task in recipe.tasks}
    texts = [str(text) for e in examples.values() if "text" in e.columns for text in e.columns["text"].values]
    vocabulary = build_vocabulary(profile, earlier or minilm, texts)
    labels = {task: e.labels for task, e in examples.items()}
    transmitter = TransmitterNetwork(profile, list(recipe.tasks), len(vocabulary))
    if minilm is not None:
        warm_start(transmitter, minilm)
    for name, parameter in transmitter.named_parameters():
        parameter.requires_grad_(not name.startswith(recipe.frozen))
    receiver = ReceiverNetwork(profile, list(recipe.tasks), labels, len(vocabulary))
    halves: dict[Half, nn.Module] = {"transmitter": transmitter, "receiver": receiver}
    origin = continue_from(halves, earlier, profile, labels) if earlier is not None else {}
    set_dropout(transmitter, recipe.dropout)
    transmitter.to(device).to(memory_format=torch.channels_last).train()
    receiver.to(device).train()
    optimisers = {
        task: make_optimiser(recipe, r, task_parameters(get_task(task), transmitter, receiver))
        for task, r in recipe.tasks.items()
    }
    samplers = {task: Sampler(examples[task], r, vocabulary, seed) for task, r in recipe.tasks.items()}
    done = dict.fromkeys(recipe.tasks, 0)
    run = Run(recipe, seed, device, transmitter, receiver, samplers, optimisers, done, profile.name, origin)
    run.segments.append(_segment(run))
    return run, vocabulary


def set_dropout(network: nn.Module, share: float) -> None:
    """Drop a share of the hidden values in every attention layer; attention itself keeps its fast kernel."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Dropout) and not name.endswith("attention.self.dropout"):
            module.p = share


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; a CPU that does not is ten times slower with it."""
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return torch.cuda.is_bf16_supported()


def choose_task(run: Run) -> str | None:
    """Draw a task in proportion to the steps it has left; None when all are done (Algorithm 1, 4 to 8)."""
    step = sum(run.done.values())
    left = {task: recipe.steps - run.done[task] for task, recipe in run.recipe.tasks.items()}
    left = {task: count for task, count in left.items() if count > 0}
    is_open = {t: n for t, n in left.items() if run.recipe.tasks[t].opens_at * run.total_steps <= step}
    candidates = is_open or left
    if not candidates:
        return None
    weights = np.array(list(candidates.values()), dtype=float)
    rng = np.random.default_rng([run.seed, step, 1])
    return str(rng.choice(list(candidates), p=weights / weights.sum()))


def train_step(run: Run, task: str) -> tuple[float, float]:
    """One step of one task's optimiser (Algorithm 1, lines 9 to 20).

    Returns:
        Loss, and the share of the batch answered rightly through the noisy channel.
    """
    recipe, step = run.recipe.tasks[task], run.done[task]
    batch, targets = run.samplers[task].batch(step)
    batch, targets = batch.to(run.device), targets.to(run.device)
    total = sum(run.done.values())
    generator = torch.Generator(run.device).manual_seed(run.seed * 1_000_003 + total)
    with torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=has_bfloat16(run.device)):
        symbols, _ = run.transmitter(task, batch)
        scores = run.receiver(task, random_channel(symbols, generator=generator))
    loss = LOSSES[get_task(task).answer](scores, targets, recipe.label_smoothing)
    optimiser = run.optimisers[task]
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    rate = rate_factor(step, recipe.steps, run.recipe.warm_up)
    parameters = []
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * rate
        parameters += group["params"]
    nn.utils.clip_grad_norm_(parameters, run.recipe.max_gradient_norm)
    optimiser.step()
    run.done[task] += 1
    return float(loss.detach()), float((scores.argmax(-1) == targets).float().mean())


def rate_factor(step: int, steps: int, warm_up: float) -> float:
    """Learning rate as a share of its peak: a linear rise, then a linear fall to one hundredth."""
    share = (step + 1) / steps
    return share / warm_up if share < warm_up else max(_FINAL_RATE, (1 - share) / (1 - warm_up))


def _segment(run: Run) -> dict[str, Any]:
    planned = {task: recipe.steps for task, recipe in run.recipe.tasks.items()}
    return {"from_step": sum(run.done.values()), "commit": current_commit(), "planned_steps": planned}


def train(
    run: Run, folder: Path, console: Console, *, limit_steps: int | None = None, new_recipe: bool = False
) -> None:
    """Train to the end of the recipe, or for `limit_steps` more; checkpoints go to `folder`.

    An earlier checkpoint in `folder` is taken up where it stopped; whatever ends the run, one is written.

    Raises:
        InvalidField: If the checkpoint is of another profile, seed, or, without `new_recipe`, recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CHECKPOINT_FILE).is_file():
        load_checkpoint(run, folder, new_recipe=new_recipe)
        console.log(f"resumed at step {sum(run.done.values())} of {run.total_steps}")
    first, last_saved = sum(run.done.values()), time.monotonic()
    planned = {task: recipe.steps for task, recipe in run.recipe.tasks.items()}
    try:
        with TrainingProgress(console, planned, run.done) as progress:
            while (task := choose_task(run)) is not None:
                progress.step(task, *train_step(run, task))
                now = time.monotonic()
                if now - last_saved > _CHECKPOINT_EVERY_S:
                    run.hours += (now - last_saved) / 3600
                    last_saved = now
                    save_checkpoint(run, folder)
                if limit_steps is not None and sum(run.done.values()) - first >= limit_steps:
                    break
    finally:
        run.hours += (time.monotonic() - last_saved) / 3600
        save_checkpoint(run, folder)


def save_checkpoint(run: Run, folder: Path) -> None:
    """Write everything needed to go on at this step."""
    state = {
        "transmitter": run.transmitter.state_dict(),
        "receiver": run.receiver.state_dict(),
        "optimisers": {task: optimiser.state_dict() for task, optimiser in run.optimisers.items()},
        "done": run.done,
        "hours": run.hours,
        "origin": {"profile": run.profile, "seed": run.seed, "recipe": repr(run.recipe)},
        "segments": run.segments,
    }
    partial = folder / (CHECKPOINT_FILE + ".part")
    torch.save(state, partial)
    partial.rename(folder / CHECKPOINT_FILE)


def load_checkpoint(run: Run, folder: Path, *, new_recipe: bool = False) -> None:
    """Go back to where a run stopped.

    Raises:
        InvalidField: If it was a run of another profile, seed, or, without `new_recipe`, recipe.
    """
    state = torch.load(folder / CHECKPOINT_FILE, map_location=run.device, weights_only=True)
    origin = state["origin"]
    if (origin["profile"], origin["seed"]) != (run.profile, run.seed):
        held = f"{folder.name} of profile {origin['profile']}, seed {origin['seed']}"
        raise InvalidField("run-folder", held, f"an empty one, or a run of {run.profile}, seed {run.seed}")
    if origin["recipe"] != repr(run.recipe) and not new_recipe:
        raise InvalidField(
            "run-folder", folder.name, "a run of the same recipe, or --new-recipe to change it"
        )
    run.transmitter.load_state_dict(state["transmitter"])
    run.receiver.load_state_dict(state["receiver"])
    for task, optimiser in run.optimisers.items():
        optimiser.load_state_dict(state["optimisers"][task])
    run.done.update(state["done"])
    run.hours = state["hours"]
    now, before = _segment(run), state["segments"]
    is_same = all(now[key] == before[-1][key] for key in ("commit", "planned_steps"))
    is_over = now["from_step"] >= run.total_steps
    run.segments = before if is_same or is_over else [*before, now]


def export(run: Run, vocabulary: Vocabulary, profile: Profile, folder: Path) -> Manifest:
    """Write the weights both services load."""
    tasks = ",".join(run.recipe.tasks)
    training: dict[str, Any] = {
        "command": f"semcom train --profile {profile.name} --tasks {tasks} --seed {run.seed}",
        "device": str(run.device),
        "seed": run.seed,
        "datasets": {task: sampler.dataset for task, sampler in run.samplers.items()},
        "steps": dict(run.done),
        "hours": round(run.hours, 2),
        "segments": run.segments,
        "started_from": run.started_from,
    }
    manifest = Manifest(
        system="mfmsc",
        profile=profile.name,
        tasks=tuple(run.recipe.tasks),
        labels={task: sampler.labels for task, sampler in run.samplers.items()},
        vocab_size=len(vocabulary),
        training=training,
    )
    halves: dict[Half, nn.Module] = {"transmitter": run.transmitter, "receiver": run.receiver}
    return save_weights(folder, manifest, halves, vocabulary)
