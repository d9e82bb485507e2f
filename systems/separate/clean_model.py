"""A learned system without a channel: what answers a task from a source that was decoded without errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from shared.errors import InvalidField, WeightsMismatch
from shared.source import Source
from shared.weights import find_weights, load_manifest
from systems.base import Received, ReceiverSystem, TaskAnswer, TransmitterSystem
from systems.loading import load_receiver, load_transmitter
from systems.registry import get_system

_INSTANCES_AT_A_TIME = 32


class CleanModel:
    """source -> transmitter -> x_hat = x -> receiver -> answer.

    Both sides are loaded when they are first needed; every option takes its default.

    Args:
        folder: Weights of a learned system.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, Lock()
        self._sides: tuple[TransmitterSystem, ReceiverSystem] | None = None

    def load(self) -> tuple[TransmitterSystem, ReceiverSystem]:
        """Both sides, with the same weights."""
        with self._lock:
            if self._sides is None:
                self._sides = load_transmitter(self._folder), load_receiver(self._folder)
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
        transmitter, receiver = self.load()
        options = get_system(transmitter.name).read_options(task, {})
        answers: list[TaskAnswer] = []
        for begin in range(0, len(sources), _INSTANCES_AT_A_TIME):
            part = sources[begin : begin + _INSTANCES_AT_A_TIME]
            encoded = transmitter.encode(task, part, options)
            frames = [Received(sent.symbols, np.zeros(sent.symbols.shape, np.float32)) for sent in encoded]
            answers += receiver.decode(task, frames)
        return answers
