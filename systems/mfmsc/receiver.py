"""MFMSC's receiver half: channel decoder and task heads with shipped weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shared.errors import InvalidField, TaskNotTrained
from shared.tasks import get_task
from shared.weights import Manifest, load_half, load_manifest, load_vocabulary
from systems.layers.answers import AnswerReader
from systems.layers.profiles import CHANNEL_USES_PER_TOKEN, MIN_CHANNEL_USES_PER_TOKEN
from systems.layers.text import Vocabulary
from systems.mfmsc.config import MfmscConfig, is_multimodal, sends_sequence
from systems.mfmsc.receiver_network import ReceiverNetwork
from systems.receiver_base import EqualiserName, Received, TaskAnswer

MAX_TOKENS = 2048
_TOKENS_AT_ONCE = 512  # a text's token has a score for every word piece


class Receiver:
    """x_hat -> channel decoder -> task head -> answer.

    Args:
        network: With its weights, in evaluation mode from here on.
        manifest: Of the weights.
        vocabulary: Of reconstructed text; None where no task takes text.
    """

    equaliser: EqualiserName = "mmse"

    def __init__(self, network: ReceiverNetwork, manifest: Manifest, vocabulary: Vocabulary | None) -> None:
        config = MfmscConfig.of(manifest.config)
        self.name, self.profile = manifest.system, config.profile
        self.fingerprint, self.tasks = manifest.fingerprint, manifest.tasks
        self._has_fusion = config.has_fusion
        self._network = network.eval()
        self._answers = AnswerReader(manifest.tasks, manifest.labels, config.words, vocabulary)

    @classmethod
    def load(cls, folder: Path) -> Receiver:
        """Load this half's weights from a folder."""
        manifest = load_manifest(folder)
        config = MfmscConfig.of(manifest.config)
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
            _check_shape(task, x_hat.shape, self._has_fusion)
        is_one = not sends_sequence(get_task(task))
        answers: list[TaskAnswer] = []
        for group in _groups(symbols):
            scores = self._scores(task, group)
            answers += [self._answers.read(task, own[0] if is_one else own) for own in scores]
        return answers

    def _scores(self, task: str, frames: Sequence[NDArray[np.complex64]]) -> Sequence[Tensor]:
        """Scores [steps, outputs] of each frame; the frames have one rate."""
        if not sends_sequence(get_task(task)) and any(len(frame) > 1 for frame in frames):
            return [self._network(task, torch.from_numpy(frame)[None]) for frame in frames]
        tokens = torch.from_numpy(np.concatenate(frames))  # [N, S], decoded each for itself
        scores = self._network(task, tokens[:, None]).flatten(0, -2)
        steps = len(scores) // len(tokens)
        own: tuple[Tensor, ...] = scores.split([steps * len(frame) for frame in frames])
        return own


def _groups(frames: Sequence[NDArray[np.complex64]]) -> Iterator[list[NDArray[np.complex64]]]:
    """Neighbours of one rate, together at most _TOKENS_AT_ONCE tokens or one frame."""
    group: list[NDArray[np.complex64]] = []
    num_tokens = 0
    for frame in frames:
        is_other = bool(group) and frame.shape[1] != group[0].shape[1]
        if group and (is_other or num_tokens + len(frame) > _TOKENS_AT_ONCE):
            yield group
            group, num_tokens = [], 0
        group.append(frame)
        num_tokens += len(frame)
    if group:
        yield group


def _check_shape(task: str, shape: tuple[int, ...], has_fusion: bool) -> None:
    num_tokens, num_symbols = shape
    kind = get_task(task)
    is_sequence = sends_sequence(kind)
    fewest = MIN_CHANNEL_USES_PER_TOKEN if is_sequence else CHANNEL_USES_PER_TOKEN
    if not fewest <= num_symbols <= CHANNEL_USES_PER_TOKEN:
        allowed = f"{fewest} to {CHANNEL_USES_PER_TOKEN} symbols a token for {task}"
        raise InvalidField("symbols.shape", list(shape), allowed)
    if not is_sequence and num_tokens != 1 and (has_fusion or not is_multimodal(kind)):
        raise InvalidField("symbols.shape", list(shape), f"one token for {task}")
    if num_tokens > MAX_TOKENS:
        raise InvalidField("symbols.shape", list(shape), f"at most {MAX_TOKENS} tokens")
    if kind.answer == "image" and math.isqrt(num_tokens) ** 2 != num_tokens:
        raise InvalidField("symbols.shape", list(shape), "a square number of tokens for a picture")
