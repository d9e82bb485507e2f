"""What a joint training run holds, and how it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from experiments.data import load_examples
from experiments.data.base import Examples
from experiments.training.optimisers import TaskOptimiser, make_optimiser
from experiments.training.recipes import Recipe
from experiments.training.sampling import EXACT, FEW_LENGTHS, Sampler
from experiments.training.trainable import TrainableSystem, get_trainable
from experiments.training.warm_start import continue_from, mark_of
from shared.answers import TranscriptAnswer
from shared.provenance import current_commit
from shared.tasks import get_task
from systems.layers.profiles import Profile
from systems.layers.text import SPECIAL, Vocabulary

_MAX_OWN_WORDS = 4000


@dataclass
class Run:
    """Everything a joint training run holds.

    Attributes:
        system_name: Of the system under training.
        profile: Sizes of the networks.
        recipe: Tasks, steps, rates, channels.
        seed: Of weights, order, channels.
        device: That the networks are on.
        vocabulary: Word pieces of both halves.
        system: Both networks.
        samplers: Batches of each task.
        optimisers: One a task, over the parts the task uses.
        words: Of each task that answers with a transcript, the words of its training transcripts.
        command: That the run was started with.
        started_from: Fingerprint of the earlier weights that it goes on from; empty without.
        pretrained: Mark of the BERT that it starts from; empty without.
        done: Steps taken of each task.
        hours: That training has taken.
        commits: Of the code that took the steps, in order.
    """

    system_name: str
    profile: Profile
    recipe: Recipe
    seed: int
    device: torch.device
    vocabulary: Vocabulary
    system: TrainableSystem
    samplers: Mapping[str, Sampler]
    optimisers: Mapping[str, TaskOptimiser]
    words: Mapping[str, tuple[str, ...]]
    command: str = ""
    started_from: str = ""
    pretrained: str = ""
    done: dict[str, int] = field(init=False)
    hours: float = 0.0
    commits: list[str] = field(default_factory=lambda: [current_commit()])

    def __post_init__(self) -> None:
        self.done = dict.fromkeys(self.recipe.tasks, 0)

    @property
    def num_done(self) -> int:
        """Steps taken of all tasks."""
        return sum(self.done.values())

    @property
    def identity(self) -> dict[str, Any]:
        """What was asked for, as plain data; a checkpoint is resumed only where it is the same."""
        return {
            "system": self.system_name,
            "profile": self.profile.name,
            "seed": self.seed,
            "started_from": self.started_from,
            "pretrained": self.pretrained,
            "recipe": asdict(self.recipe),
        }


def start_run(
    system: str,
    profile: Profile,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    minilm: Path | None = None,
    start_from: Path | None = None,
) -> Run:
    """Load data, build both halves and one optimiser a task.

    Args:
        system: Name of the system.
        profile: Sizes.
        recipe: Tasks, steps, rates, channels.
        seed: Of weights, order, channels.
        device: To train on.
        minilm: Folder of a BERT that the networks start from.
        start_from: Folder of earlier weights to start from instead.

    Raises:
        DatasetMissing: If a task's data is not there.
        InvalidField: If the system is not trained, or the BERT or the earlier weights do not fit the profile.
    """
    torch.manual_seed(seed)
    examples = {task: load_examples(task, "train", r.dataset) for task, r in recipe.tasks.items()}
    vocabulary = _make_vocabulary(profile, start_from or minilm, examples)
    labels = {task: own.labels for task, own in examples.items()}
    built = get_trainable(system).build(profile, list(recipe.tasks), labels, len(vocabulary))
    common = (profile, vocabulary, built.speech, seed, FEW_LENGTHS if device.type == "cuda" else EXACT)
    samplers = {task: Sampler(examples[task], own, *common) for task, own in recipe.tasks.items()}
    started_from = pretrained = ""
    if start_from is not None:
        started_from = continue_from(start_from, built.halves, profile, labels).fingerprint
    elif minilm is not None:
        built.warm_start(minilm, samplers, seed)
        pretrained = mark_of(minilm)
    _make_ready(built, recipe, device)
    made = {task: make_optimiser(recipe, r, built.parameters_of(task)) for task, r in recipe.tasks.items()}
    run = Run(system, profile, recipe, seed, device, vocabulary, built, samplers, made, _words(examples))
    run.started_from, run.pretrained = started_from, pretrained
    return run


def _words(examples: Mapping[str, Examples]) -> dict[str, tuple[str, ...]]:
    """All words of the training transcripts, of each task that has transcripts."""
    return {
        task: tuple(sorted({word for transcript in own.targets for word in transcript.split()}))
        for task, own in examples.items()
        if get_task(task).answer is TranscriptAnswer
    }


def _make_ready(system: TrainableSystem, recipe: Recipe, device: torch.device) -> None:
    """Freeze what the recipe freezes, set dropout, and bring both halves to the device in training mode."""
    for name, parameter in system.transmitter.named_parameters():
        parameter.requires_grad_(not name.startswith(recipe.frozen))
    _set_dropout(system.transmitter, recipe.dropout)
    for network in system.halves.values():
        network.to(device).train()


def _set_dropout(network: nn.Module, share: float) -> None:
    """Drop a share of the hidden values in every attention layer; attention itself keeps its fast kernel."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Dropout) and not name.endswith("attention.self.dropout"):
            module.p = share


def _make_vocabulary(profile: Profile, folder: Path | None, examples: Mapping[str, Examples]) -> Vocabulary:
    """The word pieces in a folder; without one, characters and the commonest words of the training texts."""
    if folder is not None:
        return Vocabulary.load(folder, profile.max_text_tokens)
    columns = [own.columns["text"] for own in examples.values() if "text" in own.columns]
    texts = [str(text).lower() for column in columns for text in column.values]
    characters = sorted({character for text in texts for character in text if not character.isspace()})
    counts = Counter(word for text in texts for word in text.split())
    words = sorted(counts, key=lambda word: (-counts[word], word))[:_MAX_OWN_WORDS]
    pieces = dict.fromkeys([*SPECIAL, *characters, *("##" + c for c in characters), *words])
    return Vocabulary(list(pieces), profile.max_text_tokens)
