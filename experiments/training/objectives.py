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

from experiments.data.base import Instances
from experiments.training.recipes import TaskRecipe
from shared.answers import AnswerKind, ImageAnswer, LabelAnswer, LabelsAnswer, TextAnswer, TranscriptAnswer
from systems.layers.batch import Batch
from systems.layers.patches import pictures_to_patches
from systems.layers.preprocessing import tensor_to_unit_range

Targets = tuple[Tensor, ...]
_MIN_SQUARED_ERROR = 1e-6  # 60 dB
_NO_TARGET = -100  # of cross entropy: padding


@dataclass(frozen=True)
class SpeechCode:
    """How the speech head of a system spells.

    Attributes:
        characters: Of the head's outputs, in order; the first is the blank.
        frames_per_token: Frames of 10 ms that one token stands for.
        steps_per_token: Characters that one token can spell.
    """

    characters: tuple[str, ...]
    frames_per_token: int
    steps_per_token: int


@dataclass(frozen=True)
class Objective:
    """How one kind of answer is trained.

    Attributes:
        targets: Of the instances of these indices, whose inputs are the batch.
        loss: Of scores, the mask of sent tokens (bool [B, L]) and targets; a scalar.
        quality: A figure to watch, better when greater, of the same; a scalar.
        watched: Its name.
        num_on_host: The last so many targets stay on the host, where the loss reads them.
    """

    targets: Callable[[Instances, NDArray[np.int64], Batch, SpeechCode], Targets]
    loss: Callable[[Tensor, Tensor, Targets, TaskRecipe], Tensor]
    quality: Callable[[Tensor, Tensor, Targets], Tensor]
    watched: str
    num_on_host: int = 0

    def to(self, device: torch.device, targets: Targets) -> Targets:
        """Targets on the device, but for those that stay on the host."""
        num_moved = len(targets) - self.num_on_host
        moved = (tensor.to(device, non_blocking=True) for tensor in targets[:num_moved])
        return (*moved, *targets[num_moved:])


def _label_targets(examples: Instances, indices: NDArray[np.int64], _: Batch, __: SpeechCode) -> Targets:
    return (torch.from_numpy(np.asarray(examples.targets)[indices]),)


def label_loss(scores: Tensor, _: Tensor, targets: Targets, recipe: TaskRecipe) -> Tensor:
    """Cross entropy; scores [B, num_labels], targets int64 [B]."""
    return F.cross_entropy(scores, targets[0], label_smoothing=recipe.label_smoothing)


def _accuracy(scores: Tensor, _: Tensor, targets: Targets) -> Tensor:
    return (scores.argmax(-1) == targets[0]).float().mean()


def labels_loss(scores: Tensor, _: Tensor, targets: Targets, recipe: TaskRecipe) -> Tensor:
    """Binary cross entropy of each label; scores and targets float [B, num_labels].

    Present labels weigh more, so that one half is the threshold of the best F1, not of the best accuracy.
    """
    weight = scores.new_full((), recipe.present_weight)
    return F.binary_cross_entropy_with_logits(scores, targets[0], pos_weight=weight)


def _micro_f1(scores: Tensor, _: Tensor, targets: Targets) -> Tensor:
    said, true = scores > 0, targets[0] > 0.5
    return 2 * (said & true).sum() / (said.sum() + true.sum()).clamp_min(1)


def _piece_targets(_: Instances, __: NDArray[np.int64], batch: Batch, ___: SpeechCode) -> Targets:
    pieces, mask = batch.inputs["text"]
    own = batch.rows["text"]
    return (pieces.masked_fill(~mask, _NO_TARGET)[own],)


def text_loss(scores: Tensor, _: Tensor, targets: Targets, recipe: TaskRecipe) -> Tensor:
    """Cross entropy of every word piece; scores [B, L, V], targets int64 [B, L]."""
    return F.cross_entropy(scores.flatten(0, 1), targets[0].flatten(), label_smoothing=recipe.label_smoothing)


def _piece_accuracy(scores: Tensor, mask: Tensor, targets: Targets) -> Tensor:
    return ((scores.argmax(-1) == targets[0]) & mask).sum() / mask.sum()


def _transcript_targets(
    examples: Instances, indices: NDArray[np.int64], batch: Batch, code: SpeechCode
) -> Targets:
    """Character numbers [sum of lengths], transcripts' lengths [B], steps that each recording has [B]."""
    texts: Sequence[str] = [str(examples.targets[index]) for index in indices]
    numbers = [torch.tensor([code.characters.index(character) for character in text]) for text in texts]
    num_frames = batch.inputs["audio"][1].sum(1)[batch.rows["audio"]]
    num_tokens = (num_frames + code.frames_per_token - 1) // code.frames_per_token
    return torch.cat(numbers), torch.tensor([len(row) for row in numbers]), code.steps_per_token * num_tokens


def transcript_loss(scores: Tensor, _: Tensor, targets: Targets, __: TaskRecipe) -> Tensor:
    """Connectionist temporal classification; scores [B, steps, C], targets as `_transcript_targets` has them.

    A transcript longer than its tokens can spell counts as zero.

    Source: Graves et al., 2006.
    """
    characters, num_characters, num_steps = targets
    log_probabilities = scores.log_softmax(-1).transpose(0, 1)  # [steps, B, C]
    return F.ctc_loss(log_probabilities, characters, num_steps, num_characters, zero_infinity=True)


def _length_agreement(scores: Tensor, mask: Tensor, targets: Targets) -> Tensor:
    """Characters on the best path against those of the transcript: 0 while all is blank, 1 when as many."""
    is_sent = mask.repeat_interleave(scores.shape[1] // mask.shape[1], 1)
    path = scores.argmax(-1).masked_fill(~is_sent, 0)
    starts = (path != 0) & (path != F.pad(path, (1, 0))[:, :-1])
    said, true = starts.sum(1), targets[1].to(scores.device, non_blocking=True)
    return (torch.minimum(said, true) / torch.maximum(said, true).clamp_min(1)).mean()


def _patch_targets(_: Instances, __: NDArray[np.int64], batch: Batch, ___: SpeechCode) -> Targets:
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
    LabelAnswer: Objective(_label_targets, label_loss, _accuracy, "accuracy"),
    LabelsAnswer: Objective(_label_targets, labels_loss, _micro_f1, "micro-F1"),
    TextAnswer: Objective(_piece_targets, text_loss, _piece_accuracy, "accuracy"),
    TranscriptAnswer: Objective(
        _transcript_targets, transcript_loss, _length_agreement, "length", num_on_host=2
    ),
    ImageAnswer: Objective(_patch_targets, image_loss, _psnr_db, "PSNR dB"),
}
