"""Semantic decoder: one light head a task, one or two linear layers each (MFMSC, IV-E, Fig. 9).

Shapes: B batch, L tokens, P width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from torch import Tensor, nn

from shared.profiles import Profile
from shared.tasks import AnswerKind, get_task

PATCH_SIZE = 4
"""Side of the picture patch one token rebuilds [pixels]."""

TRANSCRIPT_CHARACTERS = ("<blank>", " ", "'", *"abcdefghijklmnopqrstuvwxyz")
"""Classes of the speech head; the first is the blank of connectionist temporal classification."""


def pictures_to_patches(pictures: Tensor) -> Tensor:
    """Cut pictures [B, 3, H, W] into patches [B, H/4 * W/4, 3 * 4 * 4], row by row."""
    batch, channels, height, width = pictures.shape
    rows, columns = height // PATCH_SIZE, width // PATCH_SIZE
    grid = pictures.reshape(batch, channels, rows, PATCH_SIZE, columns, PATCH_SIZE)
    return grid.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, -1)


def patches_to_picture(patches: Tensor) -> Tensor:
    """Join the patches [L, 3 * 4 * 4] of a square picture to [H, W, 3]."""
    side = math.isqrt(patches.shape[0])
    grid = patches.view(side, side, 3, PATCH_SIZE, PATCH_SIZE)
    return grid.permute(0, 3, 1, 4, 2).reshape(side * PATCH_SIZE, side * PATCH_SIZE, 3)


class TokenHead(nn.Module):
    """Scores for every token: [B, L, P] -> [B, L, num_outputs]."""

    def __init__(self, width: int, num_outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, num_outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Shape [B, L, P] -> [B, L, num_outputs]."""
        scores: Tensor = self.linear(tokens)
        return scores


class LabelHead(TokenHead):
    """Scores of every label from the one vector that was sent: [B, 1, P] -> [B, num_labels]."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Shape [B, 1, P] -> [B, num_labels]."""
        return super().forward(tokens).squeeze(1)


class PatchHead(nn.Module):
    """A 4x4 picture patch for every token: [B, L, P] -> [B, L, 48], 0 to 1 after clamping."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, 3 * PATCH_SIZE * PATCH_SIZE)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Shape [B, L, P] -> [B, L, 3 * 4 * 4]."""
        patches: Tensor = self.layers(tokens)
        return patches


_HeadMaker = Callable[[Profile, int, int], nn.Module]
_HEADS: Mapping[AnswerKind, _HeadMaker] = {
    "label": lambda profile, num_labels, _: LabelHead(profile.width, num_labels),
    "labels": lambda profile, num_labels, _: LabelHead(profile.width, num_labels),
    "text": lambda profile, _, vocab_size: TokenHead(profile.width, vocab_size),
    "transcript": lambda profile, *_: TokenHead(profile.width, len(TRANSCRIPT_CHARACTERS)),
    "image": lambda profile, *_: PatchHead(profile.width),
}


def make_head(task: str, profile: Profile, *, num_labels: int, vocab_size: int) -> nn.Module:
    """The head of a task, by its kind of answer.

    Args:
        task: Name of the task.
        profile: Sizes.
        num_labels: Classes of a labelling task; unused by others.
        vocab_size: Word pieces, for reconstructed text; unused by others.
    """
    return _HEADS[get_task(task).answer](profile, num_labels, vocab_size)
