"""A learned system without a channel: what answers a task from a source that was decoded without errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

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

    Both sides are loaded when they are first needed.

    Args:
        folder: Weights of a learned system.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, Lock()
        self._sides: tuple[Encoder, ReceiverSystem] | None = None

    def load(self) -> tuple[Encoder, ReceiverSystem]:
        """The encoder and the receiver's side, of the same weights."""
        with self._lock:
            if self._sides is None:
                self._sides = load_encoder(self._folder), load_system(self._folder)
            return self._sides

    @classmethod
    def find(cls, root: Path, system: str, fingerprint: str) -> CleanModel:
        """Find the weights of a system in the folder of all weights.

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
        return cls(folder)

    def answer(self, task: str, sources: Sequence[Source]) -> list[TaskAnswer]:
        """Answers to instances of one task, in order."""
        encoder, decoder = self.load()
        answers: list[TaskAnswer] = []
        for begin in range(0, len(sources), _INSTANCES_AT_A_TIME):
            symbols = encoder.encode(task, sources[begin : begin + _INSTANCES_AT_A_TIME])
            frames = [Received(x, np.zeros(x.shape, np.float32)) for x in symbols]
            answers += decoder.decode(task, frames)
        return answers
