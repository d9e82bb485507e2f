"""The interface of every system's transmitter half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from transmitter.source import Source as Source


@dataclass(frozen=True)
class EncodedInstance:
    """One instance, ready for the air.

    Attributes:
        symbols: complex64, shape [num_tokens, num_symbols_per_token], unit mean power.
        num_source_values: Real values of the source as the model sees it (pixels, samples, characters), the
            n of the bandwidth ratio k/n.
    """

    symbols: NDArray[np.complex64]
    num_source_values: int


class TransmitterSystem(Protocol):
    """Semantic encoder and channel encoder of one system."""

    name: str
    profile: str
    fingerprint: str
    tasks: tuple[str, ...]

    def encode(
        self, task: str, sources: Sequence[Source], symbols_per_token: int | None = None
    ) -> list[EncodedInstance]:
        """Turn instances of one task into symbols, in order.

        Args:
            task: One of `tasks`.
            sources: Decoded inputs.
            symbols_per_token: Rate, for tasks that send a sequence; None for the system's own.

        Raises:
            TaskNotTrained: If the task is not among `tasks`.
            InvalidField: If the system or the task has no such rate.
            TooLarge: If a text that shall come back is longer than the system can send.
        """
        ...
