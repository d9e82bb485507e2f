"""A batch of one task, as tensors: what the networks of a transmitter take.

Shapes: B batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from shared.tasks import Modality


@dataclass(frozen=True)
class Batch:
    """A batch of one task, as tensors.

    Attributes:
        inputs: What the encoder of each modality takes: pixels; piece numbers and mask; filter banks and
            mask; clips, in some batches with other clips that give the scene.
        rows: For each modality the input's row of each instance, int64 [B]. Instances may share an input (ten
            questions about one picture); the encoder then runs once an input.
    """

    inputs: Mapping[Modality, tuple[Tensor, ...]]
    rows: Mapping[Modality, Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device; the host does not wait for copies from pinned memory."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> Batch:
        """The same batch in memory from which a GPU copies while the host goes on."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        inputs = {name: tuple(map(change, tensors)) for name, tensors in self.inputs.items()}
        return Batch(inputs, {name: change(tensor) for name, tensor in self.rows.items()})
