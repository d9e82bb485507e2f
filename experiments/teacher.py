"""A larger language model as a teacher: the compact model learns what it says beside the truth.

A few thousand labelled texts say little of what lies between the labels; a model that has read more does. But
any model is sure of what it was trained on, so the split is parted in folds, and each is labelled by a model
that learnt from the others.

Source: Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, 2015.

Shapes: N instances, B batch, L word pieces, K labels.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

from experiments.data.base import Examples
from experiments.training.devices import has_bfloat16
from experiments.training.objectives import OBJECTIVES
from experiments.training.optimisers import rate_factor, set_rate
from experiments.training.recipes import TaskRecipe
from shared.errors import InvalidField
from shared.networks.layers import Tokens, masked_mean
from shared.provenance import current_commit
from shared.tasks import AnswerKind, get_task

_MAX_PIECES = 128
_WARM_UP = 0.1
_HEAD_RATE = 1e-3  # it begins at random
_ANSWERS: Mapping[AnswerKind, Callable[[Tensor], Tensor]] = {
    "label": lambda scores: scores.softmax(-1),
    "labels": torch.sigmoid,
}
_OWN_SHARE = 0.5  # of the teacher's word beside the truth's


@dataclass(frozen=True)
class Lessons:
    """How a teacher is trained.

    Attributes:
        folds: Parts of the split; each is labelled by a model trained on the others.
        epochs: Passes over what a model is trained on.
        batch: Instances a step.
        learning_rate: Of AdamW at its peak.
        seed: Of folds, order and head.
    """

    folds: int = 3
    epochs: int = 3
    batch: int = 32
    learning_rate: float = 3e-5
    seed: int = 0


@dataclass(frozen=True)
class Opinions:
    """What a teacher says of a training split.

    Attributes:
        task: Name of the task.
        dataset: Name of the data set.
        probabilities: Of each label, float32 [N, K]; over all labels they are 1 where one holds.
        origin: Encoder, lessons, commit, and how well it answers what it was not trained on.
    """

    task: str
    dataset: str
    probabilities: Tensor
    origin: Mapping[str, Any]

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        told = json.dumps({"task": self.task, "dataset": self.dataset, **self.origin})
        save_file({"probabilities": self.probabilities.half()}, path, metadata={"opinions": told})

    @classmethod
    def load(cls, path: Path) -> Opinions:
        """Read what `save` wrote.

        Raises:
            InvalidField: If the file is not there or no such file.
        """
        try:
            with safe_open(path, "pt") as file:
                told = json.loads((file.metadata() or {})["opinions"])
                probabilities = file.get_tensor("probabilities").float()
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise InvalidField("teacher", path, "a file that `semcom teach` wrote") from error
        return cls(told.pop("task"), told.pop("dataset"), probabilities, told)

    def beside_truth(self, examples: Examples) -> Examples:
        """The same split with targets half the truth, half the teacher's: float32 [N, K].

        Raises:
            InvalidField: If the opinions are of another split.
        """
        shape = (len(examples), len(examples.labels))
        told = (self.task, self.dataset, tuple(self.probabilities.shape))
        if told != (examples.task, examples.dataset, shape):
            allowed = f"opinions of {examples.task} on {examples.dataset}, shape {shape}"
            raise InvalidField("teacher", f"{self.task} on {self.dataset}, shape {told[2]}", allowed)
        truth = torch.as_tensor(examples.targets)
        if truth.ndim == 1:
            truth = F.one_hot(truth, len(examples.labels)).float()
        return replace(examples, targets=truth.lerp(self.probabilities, _OWN_SHARE).numpy())


class TeacherNetwork(nn.Module):
    """texts -> pretrained encoder -> mean over word pieces -> linear -> scores [B, K].

    Args:
        encoder: Folder of the pretrained model, in the Hugging Face layout.
        num_labels: K.

    Raises:
        InvalidField: If there is none.
    """

    def __init__(self, encoder: Path, num_labels: int) -> None:
        super().__init__()
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(encoder, local_files_only=True)
            self.encoder = AutoModel.from_pretrained(encoder, local_files_only=True)
        except (OSError, ValueError) as error:
            allowed = "a folder with a language model and its tokenizer, in the Hugging Face layout"
            raise InvalidField("encoder", encoder, allowed) from error
        self.head = nn.Linear(self.encoder.config.hidden_size, num_labels)

    def forward(self, texts: list[str]) -> Tensor:
        """Scores of every label, float32 [B, K]."""
        pieces = self.tokenizer(
            texts, padding=True, truncation=True, max_length=_MAX_PIECES, return_tensors="pt"
        ).to(self.head.weight.device)
        tokens = self.encoder(**pieces).last_hidden_state  # [B, L, width]
        mean = masked_mean(Tokens(tokens, pieces["attention_mask"].bool())).squeeze(1)
        scores: Tensor = self.head(mean)
        return scores.float()


def teach(
    examples: Examples,
    encoder: Path,
    lessons: Lessons,
    *,
    device: torch.device,
    on_step: Callable[[int, int], None] = lambda done, of: None,
) -> Opinions:
    """Have a pretrained language model learn a task's training split, and say what it thinks of it.

    Args:
        examples: A training split of a task with text and labels; what else its inputs have is not read.
        encoder: Folder of the pretrained model, in the Hugging Face layout.
        lessons: How it is trained.
        device: To train on.
        on_step: Told the steps taken and those of all folds.

    Raises:
        InvalidField: If the task has no text or no labels, or there is no model.
    """
    answer = get_task(examples.task).answer
    if "text" not in examples.columns or answer not in _ANSWERS:
        raise InvalidField("task", examples.task, "one that labels a text")
    column = examples.columns["text"]
    texts = [str(column.values[row]) for row in column.rows]
    folds = _folds(texts, lessons)
    scores = torch.zeros(len(texts), len(examples.labels))
    done, steps = 0, sum(len(_batches(len(texts) - len(fold), lessons, 0)) * lessons.epochs for fold in folds)
    for number, fold in enumerate(folds):
        torch.manual_seed(lessons.seed * lessons.folds + number)
        network = TeacherNetwork(encoder, len(examples.labels)).to(device)
        learnt = np.setdiff1d(np.arange(len(texts)), fold)
        for _ in _train(network, examples, texts, learnt, lessons):
            done += 1
            on_step(done, steps)
        scores[fold] = _scores(network, [texts[row] for row in fold], lessons.batch)
    quality = OBJECTIVES[answer].quality(scores, scores, (torch.as_tensor(examples.targets),))
    origin = {
        "encoder": encoder.name,
        "lessons": asdict(lessons),
        "commit": current_commit(),
        OBJECTIVES[answer].watched: round(float(quality), 4),
    }
    return Opinions(examples.task, examples.dataset, _ANSWERS[answer](scores), origin)


def _folds(texts: list[str], lessons: Lessons) -> list[NDArray[np.int64]]:
    """Places of each fold's texts; a text that stands there twice is in one fold."""
    distinct, numbers = np.unique(texts, return_inverse=True)
    parts = np.random.default_rng(lessons.seed).permutation(len(distinct))
    return [np.flatnonzero(np.isin(numbers, part)) for part in np.array_split(parts, lessons.folds)]


def _train(
    network: TeacherNetwork, examples: Examples, texts: list[str], rows: NDArray[np.int64], lessons: Lessons
) -> Iterator[None]:
    """Train on these rows; stops by after every step."""
    objective = OBJECTIVES[get_task(examples.task).answer]
    recipe = TaskRecipe(steps=1, batch=lessons.batch)
    rates = ((network.encoder, lessons.learning_rate), (network.head, _HEAD_RATE))
    optimiser = torch.optim.AdamW(
        [{"params": part.parameters(), "lr": rate, "peak": rate} for part, rate in rates], fused=True
    )
    device = network.head.weight.device
    batches = [
        rows[batch] for epoch in range(lessons.epochs) for batch in _batches(len(rows), lessons, epoch)
    ]
    network.train()
    for step, batch in enumerate(batches):
        targets = (torch.as_tensor(np.asarray(examples.targets)[batch]).to(device),)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bfloat16(device)):
            scores = network([texts[row] for row in batch])
        loss = objective.loss(scores.float(), scores, targets, recipe)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        set_rate(optimiser, rate_factor(step, len(batches), _WARM_UP))
        optimiser.step()
        yield


def _batches(num_rows: int, lessons: Lessons, epoch: int) -> list[NDArray[np.int64]]:
    """Places of an epoch's instances, batch by batch; those left over have to wait."""
    order = np.random.default_rng([lessons.seed, epoch]).permutation(num_rows)
    num_batches = max(1, num_rows // lessons.batch)
    return np.array_split(order[: num_batches * lessons.batch], num_batches)


@torch.no_grad()
def _scores(network: TeacherNetwork, texts: list[str], batch: int) -> Tensor:
    """Scores of every text, float32 [N, K], in order."""
    network.eval()
    device = network.head.weight.device
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bfloat16(device)):
        scores = [
            network(texts[start : start + batch]).float().cpu() for start in range(0, len(texts), batch)
        ]
    return torch.cat(scores)
