"""The receiver of MFMSC, and of the systems that are made from its network."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.answers import ImageAnswer
from shared.errors import InvalidField
from shared.tasks import get_task
from shared.weights import Manifest
from systems.layers.profiles import CHANNEL_USES_PER_TOKEN, MIN_CHANNEL_USES_PER_TOKEN
from systems.layers.text import Vocabulary
from systems.learned import MAX_TOKENS, LearnedReceiver
from systems.mfmsc.config import MfmscConfig, is_multimodal
from systems.mfmsc.networks import ReceiverNetwork


class Receiver(LearnedReceiver):
    """x_hat -> channel decoder -> task head -> answer; see the base class."""

    def __init__(self, network: nn.Module, manifest: Manifest, vocabulary: Vocabulary | None) -> None:
        super().__init__(network, manifest, vocabulary)
        self._has_fusion = MfmscConfig.of(manifest.config).has_fusion

    @classmethod
    def build_network(cls, manifest: Manifest) -> ReceiverNetwork:
        """See the base class."""
        config = MfmscConfig.of(manifest.config)
        return ReceiverNetwork(config.sizes, manifest.tasks, manifest.labels, config.vocab_size)

    def batch_key(self, shape: tuple[int, ...]) -> Hashable:
        """The rate: tokens are decoded each for itself, so frames of any lengths go together."""
        return shape[1]

    def score(self, task: str, frames: Sequence[NDArray[np.complex64]]) -> Sequence[Tensor]:
        """See the base class."""
        is_sequence = get_task(task).answer.sends_sequence
        if not is_sequence and any(len(frame) > 1 for frame in frames):
            return [self._network(task, torch.from_numpy(frame)[None])[0] for frame in frames]
        tokens = torch.from_numpy(np.concatenate(frames))  # [N, S]
        scores = self._network(task, tokens[:, None]).flatten(0, -2)
        if not is_sequence:
            return list(scores)
        steps = len(scores) // len(tokens)
        by_frame: tuple[Tensor, ...] = scores.split([steps * len(frame) for frame in frames])
        return by_frame

    def check_shape(self, task: str, shape: tuple[int, ...]) -> None:
        """See the base class."""
        num_tokens, num_symbols = shape
        kind = get_task(task)
        is_sequence = kind.answer.sends_sequence
        fewest = MIN_CHANNEL_USES_PER_TOKEN if is_sequence else CHANNEL_USES_PER_TOKEN
        if not fewest <= num_symbols <= CHANNEL_USES_PER_TOKEN:
            allowed = f"{fewest} to {CHANNEL_USES_PER_TOKEN} symbols a token for {task}"
            raise InvalidField("symbols.shape", list(shape), allowed)
        if not is_sequence and num_tokens != 1 and (self._has_fusion or not is_multimodal(kind)):
            raise InvalidField("symbols.shape", list(shape), f"one token for {task}")
        if num_tokens > MAX_TOKENS:
            raise InvalidField("symbols.shape", list(shape), f"at most {MAX_TOKENS} tokens")
        if kind.answer is ImageAnswer and math.isqrt(num_tokens) ** 2 != num_tokens:
            raise InvalidField("symbols.shape", list(shape), "a square number of tokens for a picture")
