"""The interface of every system's receiver half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TaskAnswer:
    """What the receiver makes of one instance; the fields of the task's answer kind are set.

    Attributes:
        labels: Classification: the label; multi-label: every label above one half.
        scores: Every class and its probability, most probable first.
        text: Reconstructed or recognised text.
        image: Reconstructed picture, uint8 [height, width, 3].
    """

    labels: tuple[str, ...] = ()
    scores: tuple[tuple[str, float], ...] = ()
    text: str | None = None
    image: NDArray[np.uint8] | None = None


class ReceiverSystem(Protocol):
    """Channel decoder and semantic decoder of one system.

    Attributes:
        name: As the manifest of its weights names it, a row of `shared.systems`.
        profile: Size of its networks; empty where the system has one size.
        fingerprint: Of its weights.
        tasks: Trained tasks.
    """

    name: str
    profile: str
    fingerprint: str
    tasks: tuple[str, ...]

    def decode(self, task: str, frames: Sequence[NDArray[np.complex64]]) -> list[TaskAnswer]:
        """Answer equalised frames of one task, in order.

        Args:
            task: One of `tasks`.
            frames: complex64 each, shape [num_tokens, num_symbols_per_token], after the equaliser.

        Raises:
            TaskNotTrained: If the task is not among `tasks`.
            InvalidField: If a frame's shape is not one the task sends.
        """
        ...
