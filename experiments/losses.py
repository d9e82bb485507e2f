"""Training losses by kind of answer (MFMSC, III-C)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.nn import functional as F

from shared.tasks import AnswerKind

Loss = Callable[[Tensor, Tensor, float], Tensor]


def label_loss(scores: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Cross entropy; scores [B, num_labels], targets int64 [B]."""
    return F.cross_entropy(scores, targets, label_smoothing=label_smoothing)


LOSSES: Mapping[AnswerKind, Loss] = {"label": label_loss}
