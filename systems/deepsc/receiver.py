"""The receiver half of U-DeepSC and T-DeepSC with shipped weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from shared.errors import InvalidField, TaskNotTrained
from shared.tasks import Task, get_task
from shared.weights import Manifest, load_half, load_manifest, load_vocabulary
from systems.deepsc.config import grid_of, num_clip_tokens, num_symbols, picture_size, sends_sequence
from systems.deepsc.receiver_network import ReceiverNetwork
from systems.layers.answers import AnswerReader
from systems.layers.config import NetworkConfig
from systems.layers.profiles import Profile
from systems.layers.text import Vocabulary
from systems.receiver_base import EqualiserName, Received, TaskAnswer

MAX_TOKENS = 2048
_TOKENS_AT_ONCE = 512  # a text's token has a score for every word piece


class Receiver:
    """x_hat -> channel decoders -> decoder with the task's queries -> head -> answer.

    Args:
        network: With its weights, in evaluation mode from here on.
        manifest: Of the weights.
        vocabulary: Of reconstructed text; None where no task takes text.
    """

    equaliser: EqualiserName = "mmse"

    def __init__(self, network: ReceiverNetwork, manifest: Manifest, vocabulary: Vocabulary | None) -> None:
        config = NetworkConfig.of(manifest.config)
        self.name, self.profile = manifest.system, config.profile
        self.fingerprint, self.tasks = manifest.fingerprint, manifest.tasks
        self._sizes, self._network = config.sizes, network.eval()
        self._answers = AnswerReader(manifest.tasks, manifest.labels, config.words, vocabulary)

    @classmethod
    def load(cls, folder: Path) -> Receiver:
        """Load this half's weights from a folder."""
        manifest = load_manifest(folder)
        config = NetworkConfig.of(manifest.config)
        network = ReceiverNetwork(config.sizes, manifest.tasks, manifest.labels, config.vocab_size)
        load_half(folder, "receiver", network, manifest)
        return cls(network, manifest, load_vocabulary(folder, manifest, config.sizes.max_text_tokens))

    @torch.inference_mode()
    def decode(self, task: str, frames: Sequence[Received]) -> list[TaskAnswer]:
        """Answer frames of one task, in order, by their symbols alone; see `ReceiverSystem.decode`."""
        if task not in self.tasks:
            raise TaskNotTrained(task, self.name, list(self.tasks))
        symbols = [frame.symbols for frame in frames]
        for x_hat in symbols:
            _check_shape(get_task(task), x_hat.shape, self._sizes)
        answers: list[TaskAnswer] = []
        for group in _groups(symbols):
            scores = self._network(task, torch.from_numpy(np.stack(group)))
            answers += [self._answers.read(task, own) for own in scores]
        return answers


def _groups(frames: Sequence[NDArray[np.complex64]]) -> Iterator[list[NDArray[np.complex64]]]:
    """Neighbours of one shape, together at most _TOKENS_AT_ONCE tokens or one frame."""
    group: list[NDArray[np.complex64]] = []
    for frame in frames:
        is_full = (len(group) + 1) * len(frame) > _TOKENS_AT_ONCE
        if group and (is_full or frame.shape != group[0].shape):
            yield group
            group = []
        group.append(frame)
    if group:
        yield group


def _check_shape(task: Task, shape: tuple[int, ...], profile: Profile) -> None:
    """Refuse what the task does not send.

    Raises:
        InvalidField: If it is another number of rows, or of symbols in a row.
    """
    fewest, most = _num_rows(task, profile)
    symbols = num_symbols(task)
    if len(shape) != 2 or not fewest <= shape[0] <= most or shape[1] != symbols:
        rows = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise InvalidField("symbols.shape", list(shape), f"[{rows}, {symbols}] for {task.name}")


def _num_rows(task: Task, profile: Profile) -> tuple[int, int]:
    """Fewest and most rows of a task's frame."""
    if not sends_sequence(task):
        return 1, 1
    (modality,) = task.modalities
    if modality == "video":
        return (num_clip_tokens(profile),) * 2
    if modality == "image":
        _, rows, columns = grid_of(picture_size(task, profile))
        return (rows * columns,) * 2
    return 1, profile.max_text_tokens if modality == "text" else MAX_TOKENS
