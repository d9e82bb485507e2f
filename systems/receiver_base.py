"""The interface of every system's receiver half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

EqualiserName = Literal["mmse", "zero_forcing"]
"""mmse: least mean squared error, but biased towards zero; zero_forcing: unbiased, loud in a deep fade."""


@dataclass(frozen=True)
class Received:
    """One frame as the equaliser hands it to a system's receiver half.

    Attributes:
        symbols: Estimates x_hat of the sent symbols, complex64, shape [num_tokens, num_symbols_per_token].
        noise_variance: E|x_hat - x|^2 of each estimate, as far as the receiver knows the channel [linear],
            float32, shape of `symbols`; may be read-only.
    """

    symbols: NDArray[np.complex64]
    noise_variance: NDArray[np.float32]


@dataclass(frozen=True)
class TaskAnswer:
    """What the receiver makes of one instance; the fields of the task's answer kind are set.

    Attributes:
        labels: Classification: the label; multi-label: every label above one half.
        scores: Every class and its probability, most probable first.
        text: Reconstructed or recognised text.
        image: Reconstructed picture, uint8 [height, width, 3].
        outage: True where something of the source did not come across, and the answer does without it.
        blocks_in_error: Blocks of the channel code whose CRC is wrong.
    """

    labels: tuple[str, ...] = ()
    scores: tuple[tuple[str, float], ...] = ()
    text: str | None = None
    image: NDArray[np.uint8] | None = None
    outage: bool = False
    blocks_in_error: int = 0


@runtime_checkable
class ManyAtATime(Protocol):
    """A receiver half that takes hardly longer for many frames together than for a few.

    Attributes:
        symbols_at_a_time: Frames of so many symbols in all fit into memory in one call.
    """

    symbols_at_a_time: int


class ReceiverSystem(Protocol):
    """Channel decoder and semantic decoder of one system.

    Attributes:
        name: As the manifest of its weights names it, a row of `systems.registry`.
        profile: Size of its networks; empty where the system has one size.
        fingerprint: Of its weights.
        tasks: Trained tasks.
        equaliser: Which one its frames come through.
    """

    name: str
    profile: str
    fingerprint: str
    tasks: tuple[str, ...]
    equaliser: EqualiserName

    def decode(self, task: str, frames: Sequence[Received]) -> list[TaskAnswer]:
        """Answer frames of one task, in order.

        Args:
            task: One of `tasks`.
            frames: After the equaliser.

        Raises:
            TaskNotTrained: If the task is not among `tasks`.
            InvalidField: If a frame's shape is not one the task sends.
        """
        ...
