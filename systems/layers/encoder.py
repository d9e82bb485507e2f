"""What turns instances into symbols in a learned system, for a receiver that runs it without a channel."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from shared.source import Source
from shared.weights import load_manifest
from systems.registry import get_system


class Encoder(Protocol):
    """Semantic encoder and channel encoder of one system, with their weights."""

    def encode(self, task: str, sources: Sequence[Source]) -> list[NDArray[np.complex64]]:
        """Symbols of instances of one task, in order, at the highest rate.

        Args:
            task: A task of the weights.
            sources: Decoded inputs.

        Returns:
            complex64 each, shape [num_tokens, num_symbols_per_token].
        """
        ...


def load_encoder(folder: Path) -> Encoder:
    """The class `Encoder` of the system's own folder, with the weights of a folder.

    Raises:
        InvalidField: If the weights cannot be loaded.
    """
    package = get_system(load_manifest(folder).system).package
    return cast(Encoder, import_module(f"{package}.encoder").Encoder.load(folder))
