"""What a joint training run holds, and how it begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from experiments.data import load_examples
from experiments.data.base import Examples
from experiments.teacher import Opinions
from experiments.training.optimisers import make_optimiser, parameters_of, task_parameters
from experiments.training.recipes import Recipe
from experiments.training.sampling import Sampler
from experiments.training.warm_start import Origin, continue_from, lineage, read_pieces, warm_start
from experiments.training.word_start import start_words
from receiver.systems.mfmsc.network import ReceiverNetwork
from shared.errors import InvalidField
from shared.networks.mfmsc import MfmscConfig
from shared.networks.profiles import Profile
from shared.networks.text import SPECIAL, Vocabulary
from shared.provenance import current_commit
from shared.tasks import get_task
from shared.weights import Half, Manifest, load_manifest
from transmitter.systems.mfmsc.encoders.text import TextEncoder
from transmitter.systems.mfmsc.network import TransmitterNetwork

_MAX_OWN_WORDS = 4000
_WORD_START_BATCHES = 50


@dataclass
class Run:
    """Everything a joint training run holds.

    Attributes:
        profile: Sizes of the networks.
        vocabulary: Word pieces of both halves.
        transmitter: Half under training.
        receiver: Half under training.
        samplers: Batches of each task.
        optimisers: One AdamW a task, over the parts the task uses.
        done: Steps taken of each task.
        words: Of each task that answers with a transcript, the words it may answer with.
        command: That this process was started with.
        started_from: Fingerprint, parts and share of the earlier weights that it goes on from, if any.
        teachers: Of each task whose targets are half a teacher's, who taught it.
        lineage: How those, and all that they went on from, were trained, by fingerprint.
        segments: Where the run began or went on otherwise: first step, command, commit, steps planned of each
            task.
    """

    recipe: Recipe
    seed: int
    device: torch.device
    profile: Profile
    vocabulary: Vocabulary
    transmitter: TransmitterNetwork
    receiver: ReceiverNetwork
    samplers: Mapping[str, Sampler]
    optimisers: Mapping[str, torch.optim.Optimizer]
    done: dict[str, int]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    command: str = ""
    started_from: list[dict[str, Any]] = field(default_factory=list)
    teachers: dict[str, dict[str, Any]] = field(default_factory=dict)
    lineage: dict[str, dict[str, Any]] = field(default_factory=dict)
    hours: float = 0.0
    segments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def halves(self) -> dict[Half, nn.Module]:
        """Both networks by name."""
        return {"transmitter": self.transmitter, "receiver": self.receiver}

    def segment(self) -> dict[str, Any]:
        """Where the run stands: step, command, commit and plan."""
        return {
            "from_step": sum(self.done.values()),
            "command": self.command,
            "commit": current_commit(),
            "planned_steps": {task: recipe.steps for task, recipe in self.recipe.tasks.items()},
        }


def start_run(
    profile: Profile,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    minilm: Path | None = None,
    earlier: Sequence[Origin] = (),
    teachers: Sequence[Opinions] = (),
    command: str = "",
) -> Run:
    """Load data, build both halves and one optimiser a task.

    Args:
        profile: Sizes.
        recipe: Tasks, steps, rates.
        seed: Of weights, order, channels.
        device: To train on.
        minilm: BERT that the text encoder and the fusion start from.
        earlier: Weights to start from, or parts of them; they replace what the BERT and those before them
            gave, and what they lack starts at random.
        teachers: What they say of the training splits, half of the targets there.
        command: That this process was started with, for the record.

    Raises:
        DatasetMissing: If a task's data is not there.
        InvalidField: If a teacher speaks of another split.
        InvalidField: If the earlier weights are of another profile, or lack a task without steps or a part
            that no step trains.
    """
    learnt = {task for origin in earlier for task in load_manifest(origin.folder).tasks}
    if idle := [task for task, r in recipe.tasks.items() if not r.steps and task not in learnt]:
        raise InvalidField("tasks", ", ".join(idle), "tasks with steps, or that --start-from has learnt")
    torch.manual_seed(seed)
    examples = {task: load_examples(task, "train", r.dataset) for task, r in recipe.tasks.items()}
    for opinions in teachers:
        examples |= {opinions.task: opinions.beside_truth(_taught(opinions.task, examples))}
    texts = [str(text) for e in examples.values() if "text" in e.columns for text in e.columns["text"].values]
    vocabulary = build_vocabulary(profile, earlier[0].folder if earlier else minilm, texts)
    labels = {task: e.labels for task, e in examples.items()}
    transmitter = TransmitterNetwork(profile, list(recipe.tasks), len(vocabulary))
    receiver = ReceiverNetwork(profile, list(recipe.tasks), labels, len(vocabulary))
    if minilm is not None:
        warm_start(transmitter, minilm)
    halves: dict[Half, nn.Module] = {"transmitter": transmitter, "receiver": receiver}
    given: set[str] = set()
    manifests = []
    for origin in earlier:
        manifest, names = continue_from(halves, origin, profile, labels, given)
        manifests.append(manifest)
        given |= names
    started_from = [origin.told(manifest) for origin, manifest in zip(earlier, manifests, strict=True)]
    samplers = {
        task: Sampler(examples[task], r, profile, vocabulary, seed) for task, r in recipe.tasks.items()
    }
    if minilm is not None:
        for task in recipe.tasks:
            if get_task(task).answer == "text" and task not in learnt:
                _start_words(task, transmitter, receiver, samplers[task], seed)
    _make_ready(transmitter, receiver, recipe, device)
    optimisers = {
        task: make_optimiser(recipe, r, task_parameters(get_task(task), transmitter, receiver))
        for task, r in recipe.tasks.items()
    }
    if earlier:
        given |= {"encoders.text.", "fusion.layers."} if minilm is not None else set()
        steppers = [optimisers[task] for task, r in recipe.tasks.items() if r.steps]
        _refuse_what_stays_random(halves, tuple(given), steppers)
    done = dict.fromkeys(recipe.tasks, 0)
    run = Run(
        recipe, seed, device, profile, vocabulary, transmitter, receiver, samplers, optimisers, done,
        _words_known(recipe, examples, list(zip(earlier, manifests, strict=True))),
        command, started_from, {own.task: dict(own.origin) for own in teachers}, lineage(manifests),
    )  # fmt: skip
    run.segments.append(run.segment())
    return run


def _refuse_what_stays_random(
    halves: Mapping[Half, nn.Module], given: tuple[str, ...], optimisers: Sequence[torch.optim.Optimizer]
) -> None:
    """What earlier weights of another network lack must be trained, or the new ones would hold noise."""
    trained = {id(parameter) for optimiser in optimisers for parameter in parameters_of(optimiser)}
    random = [
        name
        for half in halves.values()
        for name, parameter in half.named_parameters()
        if not name.startswith(given) and id(parameter) not in trained
    ]
    if random:
        parts = sorted({".".join(name.split(".")[:3]) for name in random})
        raise InvalidField("start-from", ", ".join(parts), "weights that have all parts that no step trains")


def _taught(task: str, examples: Mapping[str, Examples]) -> Examples:
    if task not in examples:
        raise InvalidField("teacher", task, f"opinions of a task of the run: {', '.join(examples)}")
    return examples[task]


def _words_known(
    recipe: Recipe, examples: Mapping[str, Examples], earlier: Sequence[tuple[Origin, Manifest]]
) -> dict[str, tuple[str, ...]]:
    """Of each task with transcripts, the words it learns; without steps those its head was trained on."""
    known: dict[str, tuple[str, ...]] = {}
    for task in (name for name in recipe.tasks if get_task(name).answer == "transcript"):
        words: Iterable[str] = ()
        for origin, manifest in earlier:
            if origin.takes(f"heads.{task}.") and task in manifest.tasks:
                words = MfmscConfig.of(manifest.config).words.get(task, ())
        if recipe.tasks[task].steps:
            words = {word for transcript in examples[task].targets for word in transcript.split()}
        known[task] = tuple(sorted(words))
    return known


def _make_ready(
    transmitter: TransmitterNetwork, receiver: ReceiverNetwork, recipe: Recipe, device: torch.device
) -> None:
    """Freeze what the recipe freezes, set dropout, and bring both halves to the device in training mode."""
    for name, parameter in transmitter.named_parameters():
        parameter.requires_grad_(not name.startswith(recipe.frozen))
    set_dropout(transmitter, recipe.dropout)
    transmitter.to(device).train()
    if "image" in transmitter.encoders:
        transmitter.encoders["image"].to(memory_format=torch.channels_last)
    receiver.to(device).train()


def _start_words(
    task: str, transmitter: TransmitterNetwork, receiver: ReceiverNetwork, sampler: Sampler, seed: int
) -> None:
    encoder = transmitter.encoders["text"]
    assert isinstance(encoder, TextEncoder)
    batches = [sampler.batch(step)[0] for step in range(_WORD_START_BATCHES)]
    words = encoder.bert.embeddings.word_embeddings.weight
    start_words(transmitter, receiver, task, batches, words, torch.Generator().manual_seed(seed))


def build_vocabulary(profile: Profile, folder: Path | None, texts: Sequence[str]) -> Vocabulary:
    """The word pieces in a folder; without one, characters and the commonest words of `texts`."""
    if folder is not None:
        return Vocabulary(read_pieces(folder), profile.max_text_tokens)
    characters = sorted(
        {character for text in texts for character in text.lower() if not character.isspace()}
    )
    counts: dict[str, int] = {}
    for text in texts:
        for word in text.lower().split():
            counts[word] = counts.get(word, 0) + 1
    words = sorted(counts, key=lambda word: (-counts[word], word))[:_MAX_OWN_WORDS]
    pieces = dict.fromkeys([*SPECIAL, *characters, *("##" + c for c in characters), *words])
    return Vocabulary(list(pieces), profile.max_text_tokens)


def set_dropout(network: nn.Module, share: float) -> None:
    """Drop a share of the hidden values in every attention layer; attention itself keeps its fast kernel."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Dropout) and not name.endswith("attention.self.dropout"):
            module.p = share
