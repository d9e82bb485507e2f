"""A learned system without a channel: what answers a task from a source that was decoded without errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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

    Args:
        transmitter: A learned system's; every option takes its default.
        receiver: The other side, with the same weights.
    """

    def __init__(self, transmitter: TransmitterSystem, receiver: ReceiverSystem) -> None:
        self._transmitter, self._receiver = transmitter, receiver

    @classmethod
    def load(cls, root: Path, system: str, fingerprint: str) -> CleanModel:
        """Load both sides of a system from the folder of all weights.

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
        return cls(load_transmitter(folder), load_receiver(folder))

    def answer(self, task: str, sources: Sequence[Source]) -> list[TaskAnswer]:
        """Answers to instances of one task, in order."""
        options = get_system(self._transmitter.name).read_options(task, {})
        answers: list[TaskAnswer] = []
        for begin in range(0, len(sources), _INSTANCES_AT_A_TIME):
            part = sources[begin : begin + _INSTANCES_AT_A_TIME]
            encoded = self._transmitter.encode(task, part, options)
            frames = [Received(sent.symbols, np.zeros(sent.symbols.shape, np.float32)) for sent in encoded]
            answers += self._receiver.decode(task, frames)
        return answers
