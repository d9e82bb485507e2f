"""A learned system without a channel: what answers a task from a source that was decoded without errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shared.errors import InvalidField, WeightsMismatch
from shared.source import Source
from shared.weights import find_weights, load_manifest
from systems.layers.encoder import Encoder, load_encoder
from systems.receiver_base import Received, ReceiverSystem, TaskAnswer
from systems.receivers import load_system

_INSTANCES_AT_A_TIME = 32


class CleanModel:
    """source -> encoder -> x_hat = x -> decoder -> answer.

    Args:
        encoder: Transmitter half of a learned system.
        decoder: Its receiver half, of the same weights.
    """

    def __init__(self, encoder: Encoder, decoder: ReceiverSystem) -> None:
        self._encoder, self._decoder = encoder, decoder

    @classmethod
    def load(cls, root: Path, system: str, fingerprint: str) -> CleanModel:
        """Load both halves of a system from the folder of all weights.

        Raises:
            InvalidField: If there are no weights of the system, or each task has its own.
            WeightsMismatch: If they are not those of the fingerprint.
        """
        folders = find_weights(root)
        if system not in folders:
            raise InvalidField("weights", ", ".join(folders), f"weights of {system} among them")
        if len(folders[system]) > 1:
            names = ", ".join(folder.name for folder in folders[system])
            raise InvalidField("weights", names, f"weights of {system} with all tasks in one folder")
        (folder,) = folders[system]
        held = load_manifest(folder).fingerprint
        if held != fingerprint:
            raise WeightsMismatch(fingerprint, held)
        return cls(load_encoder(folder), load_system(folder))

    def answer(self, task: str, sources: Sequence[Source]) -> list[TaskAnswer]:
        """Answers to instances of one task, in order."""
        answers: list[TaskAnswer] = []
        for begin in range(0, len(sources), _INSTANCES_AT_A_TIME):
            symbols = self._encoder.encode(task, sources[begin : begin + _INSTANCES_AT_A_TIME])
            frames = [Received(x, np.zeros(x.shape, np.float32)) for x in symbols]
            answers += self._decoder.decode(task, frames)
        return answers
