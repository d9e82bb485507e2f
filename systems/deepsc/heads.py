"""Semantic decoder: one linear layer a task, by the task's kind of answer (U-DeepSC, section III).

Shapes: B batch, L tokens, D width of the decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from shared.answers import AnswerKind, ImageAnswer, LabelAnswer, LabelsAnswer, TextAnswer, TranscriptAnswer
from systems.deepsc.config import STEPS_PER_TOKEN
from systems.layers.patches import VALUES_PER_PATCH, PatchTransform
from systems.layers.preprocessing import tensor_to_unit_range
from systems.layers.transcripts import TRANSCRIPT_CHARACTERS


class TranscriptHead(nn.Linear):
    """Scores of every character that a token can spell, in order of time."""

    def __init__(self, width: int) -> None:
        super().__init__(width, STEPS_PER_TOKEN * len(TRANSCRIPT_CHARACTERS))

    def forward(self, tokens: Tensor) -> Tensor:
        """Shape [B, L, D] -> [B, 2 L, characters]."""
        scores = super().forward(tokens)
        return scores.reshape(len(scores), -1, len(TRANSCRIPT_CHARACTERS))


class PatchHead(nn.Linear):
    """A 4x4 picture patch for every token, by way of its coefficients; white is 1."""

    def __init__(self, width: int) -> None:
        super().__init__(width, VALUES_PER_PATCH)
        self.transform = PatchTransform()

    def forward(self, tokens: Tensor) -> Tensor:
        """Shape [B, L, D] -> [B, L, 48]."""
        return tensor_to_unit_range(self.transform.inverse(super().forward(tokens).float()))


_HEADS: Mapping[AnswerKind, Callable[[int, int, int], nn.Module]] = {
    LabelAnswer: lambda width, num_labels, _: nn.Linear(width, num_labels),
    LabelsAnswer: lambda width, num_labels, _: nn.Linear(width, num_labels),
    TextAnswer: lambda width, _, vocab_size: nn.Linear(width, vocab_size),
    TranscriptAnswer: lambda width, *_: TranscriptHead(width),
    ImageAnswer: lambda width, *_: PatchHead(width),
}


def make_head(kind: AnswerKind, width: int, *, num_labels: int, vocab_size: int) -> nn.Module:
    """The head for a kind of answer.

    Args:
        kind: Of the task's answer.
        width: Of the decoder.
        num_labels: Classes of a labelling task; unused by others.
        vocab_size: Word pieces, for reconstructed text; unused by others.
    """
    return _HEADS[kind](width, num_labels, vocab_size)
