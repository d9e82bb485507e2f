"""Training batches: a pure function of (seed, step), so that a run resumes to the step.

Shapes: B batch.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from experiments.datasets.base import Column, Examples
from experiments.recipes import TaskRecipe
from shared.tasks import Modality
from shared.text import Vocabulary
from transmitter.network import Batch
from transmitter.preprocessing import IMAGE_SIZE, pad_pieces, pixels_to_tensor, resize

_BUCKET_BATCHES = 50
_MAX_SHIFT_PIXELS = 3
_BLANKED_SHARE = 4  # a quarter of each side


class Sampler:
    """Batches of one task's training split.

    Questions about one picture travel together and the picture is encoded once; texts of like length share a
    batch, so that little is spent on padding.

    Args:
        examples: The training split.
        recipe: Batch size and augmentation.
        vocabulary: For texts; they are split into word pieces once, here.
        seed: Of order and augmentation.
    """

    def __init__(
        self, examples: Examples, recipe: TaskRecipe, vocabulary: Vocabulary | None, seed: int
    ) -> None:
        self._examples, self._recipe, self._seed = examples, recipe, seed
        self.labels, self.dataset = examples.labels, examples.dataset
        self._text = examples.columns.get("text")
        self._pieces: list[list[int]] = []
        if self._text is not None and vocabulary is not None:
            self._pieces = vocabulary.encode([str(text) for text in self._text.values])
            self._pad_number = vocabulary.pad_number
        image = examples.columns.get("image")
        self._pictures = None if image is None else _resized(image, IMAGE_SIZE[examples.task])
        self._groups = _groups(examples)
        self.steps_per_epoch = max(1, len(self._groups) // recipe.batch)
        self._epoch, self._order = -1, np.empty((0, 0), dtype=np.int64)

    def batch(self, step: int) -> tuple[Batch, Tensor]:
        """The batch of a step, 0, 1, ...; and its targets, int64 [B]."""
        epoch, place = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._shuffled(epoch)
        indices = np.concatenate(self._chosen(self._order[place], step))
        inputs: dict[Modality, tuple[Tensor, ...]] = {}
        rows: dict[Modality, Tensor] = {}
        for modality, column in self._examples.columns.items():
            distinct, own_rows = np.unique(column.rows[indices], return_inverse=True)
            inputs[modality] = self._tensors(modality, distinct, step)
            rows[modality] = torch.from_numpy(own_rows)
        return Batch(inputs, rows), torch.from_numpy(self._examples.targets[indices])

    def _chosen(self, groups: NDArray[np.int64], step: int) -> list[NDArray[np.int64]]:
        """Instances of each group, at most `questions_a_picture` of it."""
        most = self._recipe.questions_a_picture
        members = [self._groups[group] for group in groups]
        if most is None:
            return members
        rng = np.random.default_rng([self._seed, step, 2])
        return [rng.choice(group, min(most, len(group)), replace=False) for group in members]

    def _tensors(self, modality: Modality, distinct: NDArray[np.int64], step: int) -> tuple[Tensor, ...]:
        if modality == "text":
            return pad_pieces([self._pieces[row] for row in distinct], self._pad_number)
        assert self._pictures is not None
        pixels = pixels_to_tensor(self._pictures[distinct])
        return (augment(pixels, _generator(self._seed, step)) if self._recipe.augment else pixels,)

    def _shuffled(self, epoch: int) -> NDArray[np.int64]:
        """Group numbers of every batch of an epoch, shape [steps_per_epoch, batch]."""
        rng = np.random.default_rng([self._seed, epoch])
        order = rng.permutation(len(self._groups))[: self.steps_per_epoch * self._recipe.batch]
        if self._text is not None and len(self._examples.columns) == 1:
            lengths = np.array(
                [len(self._pieces[self._text.rows[self._groups[group][0]]]) for group in order]
            )
            bucket = np.arange(len(order)) // (_BUCKET_BATCHES * self._recipe.batch)
            order = order[np.lexsort((lengths, bucket))]
        return rng.permutation(order.reshape(self.steps_per_epoch, self._recipe.batch))


def augment(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Flip each picture left to right or not, shift it by up to 3 pixels, edges mirrored, and blank a square.

    The square, a quarter of the picture's side, takes the mean colour (DeVries and Taylor, 2017, cutout).

    Args:
        pixels: float, shape [B, 3, H, W].
        generator: Random source.

    Returns:
        Shape of `pixels`, channels-last in memory.
    """
    flips = torch.rand(len(pixels), 1, 1, 1, generator=generator) < 0.5
    flipped = torch.where(flips, pixels.flip(3), pixels)
    padded = F.pad(flipped, (_MAX_SHIFT_PIXELS,) * 4, mode="reflect")
    height, width = pixels.shape[2:]
    shifts = torch.randint(0, 2 * _MAX_SHIFT_PIXELS + 1, (len(pixels), 2), generator=generator).tolist()
    crops = [padded[i, :, y : y + height, x : x + width] for i, (y, x) in enumerate(shifts)]
    side = height // _BLANKED_SHARE
    corners = torch.rand(len(pixels), 2, generator=generator)
    tops, lefts = (corners * torch.tensor([height - side, width - side])).long().T
    for crop, top, left in zip(crops, tops.tolist(), lefts.tolist(), strict=True):
        crop[:, top : top + side, left : left + side] = 0.0
    return torch.stack(crops).contiguous(memory_format=torch.channels_last)


def _generator(seed: int, step: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def _resized(image: Column, size: tuple[int, int]) -> NDArray[np.uint8]:
    pictures = np.asarray(image.values)
    return pictures if pictures.shape[1:3] == size else np.stack([resize(p, size) for p in pictures])


def _groups(examples: Examples) -> list[NDArray[np.int64]]:
    """Instances that travel together: those about one picture, where several are."""
    image = examples.columns.get("image")
    keys = np.arange(len(examples)) if image is None else image.rows
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    return np.split(order, starts[1:])
