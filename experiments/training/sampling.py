"""Training batches: a pure function of (seed, step), so that a run resumes to the step.

Shapes: B batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.data.base import Examples
from experiments.training.inputs import make_inputs
from experiments.training.objectives import OBJECTIVES, SpeechCode, Targets
from experiments.training.recipes import TaskRecipe
from shared.errors import InvalidField
from shared.tasks import Modality, get_task
from systems.layers.batch import Batch
from systems.layers.profiles import Profile
from systems.layers.text import Vocabulary

_BUCKET_BATCHES = 50
_ROW_MULTIPLE = 16

EXACT: Mapping[Modality, int] = MappingProxyType({})
"""Batches are as long as their longest input."""

FEW_LENGTHS: Mapping[Modality, int] = MappingProxyType({"text": 16, "audio": 64})
"""Word pieces and frames of 10 ms, of which a batch's length is a multiple: a GPU prepares its kernels anew
for each shape that it has not seen."""


class Sampler:
    """Batches of one task's training split.

    Questions about one picture travel together and the picture is encoded once; texts and recordings of like
    length share a batch, so that little is spent on padding.

    Args:
        examples: The training split.
        recipe: Batch size and augmentation.
        profile: Sizes of clips.
        vocabulary: For texts; they are split into word pieces once, here.
        speech: How the system's speech head spells.
        seed: Of order and augmentation.
        length_multiples: Of each modality whose inputs differ in length, what the length of a batch is a
            multiple of; and the number of inputs in a batch where instances share them.

    Raises:
        InvalidField: If the split is smaller than a batch.
    """

    def __init__(
        self,
        examples: Examples,
        recipe: TaskRecipe,
        profile: Profile,
        vocabulary: Vocabulary,
        speech: SpeechCode,
        seed: int,
        length_multiples: Mapping[Modality, int] = EXACT,
    ) -> None:
        self._examples, self._recipe, self._seed, self._speech = examples, recipe, seed, speech
        self._length_multiples = length_multiples
        self.labels, self.dataset = examples.labels, examples.dataset
        self._objective = OBJECTIVES[get_task(examples.task).answer]
        common = (profile, vocabulary, recipe)
        self._inputs = {
            name: make_inputs(examples.task, name, column, *common, length_multiples.get(name, 1))
            for name, column in examples.columns.items()
        }
        self._groups = _groups(examples)
        self.steps_per_epoch = len(self._groups) // recipe.batch
        if not self.steps_per_epoch:
            raise InvalidField("batch", recipe.batch, f"at most {len(self._groups)}, the size of the split")
        self._order = lru_cache(maxsize=2)(self._shuffled)  # batches are made by several threads

    def batch(self, step: int, *, rank: int = 0, num_ranks: int = 1) -> tuple[Batch, Targets]:
        """The batch of a step, 0, 1, ...; and its targets.

        Args:
            step: Of this task.
            rank: Of this process among those that share the batch.
            num_ranks: They take every num_ranks-th group each.
        """
        epoch, place = divmod(step, self.steps_per_epoch)
        indices = np.concatenate(self._chosen(self._order(epoch)[place], step)[rank::num_ranks])
        inputs: dict[Modality, tuple[Tensor, ...]] = {}
        rows: dict[Modality, Tensor] = {}
        generator = torch.Generator().manual_seed((self._seed * 1_000_003 + step) * num_ranks + rank)
        for modality, column in self._examples.columns.items():
            distinct, own_rows = np.unique(column.rows[indices], return_inverse=True)
            inputs[modality] = self._inputs[modality].tensors(distinct, generator)
            if modality in self._length_multiples and len(distinct) < len(indices):
                inputs[modality] = tuple(map(_pad_rows, inputs[modality]))
            rows[modality] = torch.from_numpy(own_rows)
        batch = Batch(inputs, rows)
        return batch, self._objective.targets(self._examples, indices, batch, self._speech)

    def _chosen(self, groups: NDArray[np.int64], step: int) -> list[NDArray[np.int64]]:
        """Instances of each group, at most `questions_a_picture` of it."""
        most = self._recipe.questions_a_picture
        members = [self._groups[group] for group in groups]
        if most is None:
            return members
        rng = np.random.default_rng([self._seed, step, 2])
        return [rng.choice(group, min(most, len(group)), replace=False) for group in members]

    def _shuffled(self, epoch: int) -> NDArray[np.int64]:
        """Group numbers of every batch of an epoch, shape [steps_per_epoch, batch]."""
        rng = np.random.default_rng([self._seed, epoch])
        order = rng.permutation(len(self._groups))[: self.steps_per_epoch * self._recipe.batch]
        lengths = self._lengths()
        if lengths is None:
            return rng.permutation(order.reshape(self.steps_per_epoch, self._recipe.batch))
        if self._recipe.short_first and epoch == 0:
            return order[np.argsort(lengths[order])].reshape(self.steps_per_epoch, self._recipe.batch)
        bucket = np.arange(len(order)) // (_BUCKET_BATCHES * self._recipe.batch)
        order = order[np.lexsort((lengths[order], bucket))]
        return rng.permutation(order.reshape(self.steps_per_epoch, self._recipe.batch))

    def _lengths(self) -> NDArray[np.int64] | None:
        """Length of each group's input, where groups hold one instance and one modality's lengths differ."""
        unlike = [(name, own.lengths) for name, own in self._inputs.items() if own.lengths is not None]
        if len(unlike) != 1 or len(self._groups) < len(self._examples):
            return None
        ((modality, lengths),) = unlike
        firsts = np.array([group[0] for group in self._groups])
        own_lengths: NDArray[np.int64] = lengths[self._examples.columns[modality].rows[firsts]]
        return own_lengths


def _pad_rows(tensor: Tensor) -> Tensor:
    """Repeat the last row, which no instance reads there, to a multiple of sixteen rows."""
    num_more = -len(tensor) % _ROW_MULTIPLE
    return torch.cat([tensor, tensor[-1:].expand(num_more, *tensor.shape[1:])])


def _groups(examples: Examples) -> list[NDArray[np.int64]]:
    """Instances that travel together: those about one picture, where several are."""
    image = examples.columns.get("image")
    keys = np.arange(len(examples)) if image is None else image.rows
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    return np.split(order, starts[1:])
