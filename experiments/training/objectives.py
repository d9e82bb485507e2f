"""What training drives each kind of answer to: targets, loss, and a figure to watch (MFMSC, III-C).

Shapes: B batch, L tokens, V classes of a token, C characters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from experiments.data.base import Examples
from experiments.training.recipes import TaskRecipe
from receiver.systems.mfmsc.heads import STEPS_PER_TOKEN, TRANSCRIPT_CHARACTERS
from shared.networks.patches import pictures_to_patches
from shared.tasks import AnswerKind
from transmitter.preprocessing import tensor_to_unit_range
from transmitter.systems.mfmsc.network import Batch

Targets = tuple[Tensor, ...]
_CHARACTER_NUMBERS = {character: number for number, character in enumerate(TRANSCRIPT_CHARACTERS)}
_MIN_SQUARED_ERROR = 1e-6  # 60 dB
_NO_TARGET = -100  # of cross entropy: padding


@dataclass(frozen=True)
class Objective:
    """How one kind of answer is trained.

    Attributes:
        targets: Of the instances of these indices, whose inputs are the batch.
        loss: Of scores, the mask of sent tokens (bool [B, L]) and targets; a scalar.
        quality: What a person would watch, better when greater, of the same.
        watched: Its name.
    """

    targets: Callable[[Examples, NDArray[np.int64], Batch], Targets]
    loss: Callable[[Tensor, Tensor, Targets, TaskRecipe], Tensor]
    quality: Callable[[Tensor, Tensor, Targets], Tensor]
    watched: str


def _label_targets(examples: Examples, indices: NDArray[np.int64], _: Batch) -> Targets:
    return (torch.from_numpy(np.asarray(examples.targets)[indices]),)


def label_loss(scores: Tensor, _: Tensor, targets: Targets, recipe: TaskRecipe) -> Tensor:
    """Cross entropy; scores [B, num_labels], targets int64 [B], or shares float32 [B, num_labels]."""
    return F.cross_entropy(scores, targets[0], label_smoothing=recipe.label_smoothing)


def _accuracy(scores: Tensor, _: Tensor, targets: Targets) -> Tensor:
    true = targets[0] if targets[0].ndim == 1 else targets[0].argmax(-1)
    return (scores.argmax(-1) == true).float().mean()


def labels_loss(scores: Tensor, _: Tensor, targets: Targets, recipe: TaskRecipe) -> Tensor:
    """Binary cross entropy of each label; scores and targets float [B, num_labels].

    Present labels weigh more, so that one half is the threshold of the best F1, not of the best accuracy.
    """
    weight = scores.new_tensor(recipe.present_weight)
    return F.binary_cross_entropy_with_logits(scores, targets[0], pos_weight=weight)


def _micro_f1(scores: Tensor, _: Tensor, targets: Targets) -> Tensor:
    said, true = scores > 0, targets[0] > 0.5
    return 2 * (said & true).sum() / (said.sum() + true.sum()).clamp_min(1)


def _piece_targets(_: Examples, __: NDArray[np.int64], batch: Batch) -> Targets:
    pieces, mask = batch.inputs["text"]
    own = batch.rows["text"]
    return (pieces.masked_fill(~mask, _NO_TARGET)[own],)


def text_loss(scores: Tensor, _: Tensor, targets: Targets, recipe: TaskRecipe) -> Tensor:
    """Cross entropy of every word piece; scores [B, L, V], targets int64 [B, L]."""
    return F.cross_entropy(scores.flatten(0, 1), targets[0].flatten(), label_smoothing=recipe.label_smoothing)


def _piece_accuracy(scores: Tensor, mask: Tensor, targets: Targets) -> Tensor:
    return (scores.argmax(-1) == targets[0])[mask].float().mean()


def _transcript_targets(examples: Examples, indices: NDArray[np.int64], _: Batch) -> Targets:
    texts: Sequence[str] = [str(examples.targets[index]) for index in indices]
    numbers = [torch.tensor([_CHARACTER_NUMBERS[character] for character in text]) for text in texts]
    return torch.cat(numbers), torch.tensor([len(row) for row in numbers])


def transcript_loss(scores: Tensor, mask: Tensor, targets: Targets, _: TaskRecipe) -> Tensor:
    """Connectionist temporal classification; scores [B, 2 L, C], targets int64 [sum of lengths] and [B].

    A transcript longer than its tokens can spell counts as zero.

    Source: Graves et al., 2006.
    """
    log_probabilities = scores.log_softmax(-1).transpose(0, 1)  # [2 L, B, C]
    lengths = STEPS_PER_TOKEN * mask.sum(1)
    return F.ctc_loss(log_probabilities, targets[0], lengths, targets[1], zero_infinity=True)


def _length_agreement(scores: Tensor, mask: Tensor, targets: Targets) -> Tensor:
    """Characters on the best path against those of the transcript: 0 while all is blank, 1 when as many."""
    path = scores.argmax(-1).masked_fill(~mask.repeat_interleave(STEPS_PER_TOKEN, 1), 0)
    starts = (path != 0) & (path != F.pad(path, (1, 0))[:, :-1])
    said, true = starts.sum(1), targets[1]
    return (torch.minimum(said, true) / torch.maximum(said, true).clamp_min(1)).mean()


def _patch_targets(_: Examples, __: NDArray[np.int64], batch: Batch) -> Targets:
    (pixels,) = batch.inputs["image"]
    return (pictures_to_patches(tensor_to_unit_range(pixels))[batch.rows["image"]],)


def image_loss(scores: Tensor, _: Tensor, targets: Targets, __: TaskRecipe) -> Tensor:
    """Mean over pictures of the logarithm of the squared error, which is PSNR but for sign and scale.

    The plain error would be that of the worst channels; scores and targets float [B, L, 48], 0 to 1.
    """
    return _squared_errors(scores, targets[0]).log().mean()


def _psnr_db(scores: Tensor, _: Tensor, targets: Targets) -> Tensor:
    return -10 * _squared_errors(scores.clamp(0, 1), targets[0]).log10().mean()


def _squared_errors(scores: Tensor, pictures: Tensor) -> Tensor:
    """Mean squared error of each picture, [B, L, 48] -> [B]."""
    return (scores - pictures).square().mean((1, 2)).clamp_min(_MIN_SQUARED_ERROR)


OBJECTIVES: Mapping[AnswerKind, Objective] = {
    "label": Objective(_label_targets, label_loss, _accuracy, "accuracy"),
    "labels": Objective(_label_targets, labels_loss, _micro_f1, "micro-F1"),
    "text": Objective(_piece_targets, text_loss, _piece_accuracy, "accuracy"),
    "transcript": Objective(_transcript_targets, transcript_loss, _length_agreement, "length"),
    "image": Objective(_patch_targets, image_loss, _psnr_db, "PSNR dB"),
}
