"""Semantic decoder: one light head a task, one or two linear layers each (MFMSC, IV-E, Fig. 9).

Shapes: B batch, L tokens, P width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shared.answers import AnswerKind, ImageAnswer, LabelAnswer, LabelsAnswer, TextAnswer, TranscriptAnswer
from shared.tasks import get_task
from systems.layers.patches import VALUES_PER_PATCH, PatchTransform
from systems.layers.profiles import Profile
from systems.layers.transcripts import TRANSCRIPT_CHARACTERS

_MID_GREY, _PIXEL_DEVIATION = 0.5, 0.25  # of photographs, where white is 1

STEPS_PER_TOKEN = 2
"""Characters a token of speech may spell: of its 40 ms, quick speech has more than one."""


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


class WordHead(TokenHead):
    """Scores of every word piece, linear(t + gelu(bend(t))) of a token t: [B, L, P] -> [B, L, num_outputs].

    The channel decoder cannot adapt to words, as it serves all tasks; the first layer does instead. It begins
    as zero, so that weights that have only the second may be gone on from.
    """

    def __init__(self, width: int, num_outputs: int) -> None:
        super().__init__(width, num_outputs)
        self.bend = _zero_linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Shape [B, L, P] -> [B, L, num_outputs]."""
        return super().forward(tokens + F.gelu(self.bend(tokens)))


class TranscriptHead(TokenHead):
    """Scores for both halves of every token: [B, L, P] -> [B, 2 L, num_outputs], in order of time.

    They begin alike, so that weights that spell one character a token may be gone on from.
    """

    def __init__(self, width: int, num_outputs: int) -> None:
        super().__init__(width, num_outputs)
        self.turn = _zero_linear(width, num_outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Shape [B, L, P] -> [B, 2 L, num_outputs]."""
        scores, turn = super().forward(tokens), self.turn(tokens)
        return torch.stack((scores - turn, scores + turn), 2).flatten(1, 2)


def _zero_linear(num_inputs: int, num_outputs: int) -> nn.Linear:
    layer = nn.Linear(num_inputs, num_outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class PatchHead(nn.Module):
    """A 4x4 picture patch for every token, by way of its coefficients: [B, L, P] -> [B, L, 48].

    White is 1; what noise takes beyond 0 or 1 is for others to clamp.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, VALUES_PER_PATCH))
        self.transform = PatchTransform()

    def forward(self, tokens: Tensor) -> Tensor:
        """Shape [B, L, P] -> [B, L, 48]."""
        return _MID_GREY + _PIXEL_DEVIATION * self.transform.inverse(self.layers(tokens).float())


_HeadMaker = Callable[[Profile, int, int], nn.Module]
_HEADS: Mapping[AnswerKind, _HeadMaker] = {
    LabelAnswer: lambda profile, num_labels, _: LabelHead(profile.width, num_labels),
    LabelsAnswer: lambda profile, num_labels, _: LabelHead(profile.width, num_labels),
    TextAnswer: lambda profile, _, vocab_size: WordHead(profile.width, vocab_size),
    TranscriptAnswer: lambda profile, *_: TranscriptHead(profile.width, len(TRANSCRIPT_CHARACTERS)),
    ImageAnswer: lambda profile, *_: PatchHead(profile.width),
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
