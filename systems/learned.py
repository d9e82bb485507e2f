"""Systems that are networks: the transmitter and the receiver of each take a network and its weights.

Shapes: L tokens, S channel uses a token.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.source import Source
from shared.weights import Manifest, Side, load_manifest, load_network
from systems.base import (
    EncodedInstance,
    Received,
    ReceiverSystem,
    SystemSide,
    TaskAnswer,
    TransmitterSystem,
)
from systems.layers.answers import AnswerReader
from systems.layers.config import NetworkConfig
from systems.layers.preprocessor import Preprocessor
from systems.layers.text import Vocabulary, load_vocabulary
from systems.rows import Options

MAX_TOKENS = 2048
"""Of a frame that a learned receiver takes."""

_TOKENS_AT_ONCE = 512  # a text's token has a score for every word piece


class _LearnedSide(SystemSide):
    """One side's network, with the weights of a folder."""

    side: ClassVar[Side]

    def __init__(self, network: nn.Module, manifest: Manifest, vocabulary: Vocabulary | None) -> None:
        self._config = NetworkConfig.of(manifest.config)
        super().__init__(manifest, self._config.profile)
        self._network, self._vocabulary = network.eval(), vocabulary

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load this side's weights from a folder; see the base class."""
        manifest = load_manifest(folder)
        network = cls.build_network(manifest)
        load_network(folder, cls.side, network, manifest)
        max_tokens = NetworkConfig.of(manifest.config).sizes.max_text_tokens
        return cls(network, manifest, load_vocabulary(folder, manifest, max_tokens))

    @classmethod
    @abstractmethod
    def build_network(cls, manifest: Manifest) -> nn.Module:
        """This side's network for the tasks of a manifest, with any weights."""


class LearnedTransmitter(_LearnedSide, TransmitterSystem):
    """source -> preprocessing -> semantic encoders -> channel encoder -> symbols.

    Args:
        network: With its weights, in evaluation mode from here on. It takes a task, a batch, and what
            `network_options` returns, and gives symbols [B, L, S] and the mask of the tokens [B, L].
        manifest: What the folder of the weights says of them.
        vocabulary: Word pieces; None where no task takes text.
    """

    side = "transmitter"
    is_thread_safe = True

    def __init__(self, network: nn.Module, manifest: Manifest, vocabulary: Vocabulary | None) -> None:
        super().__init__(network, manifest, vocabulary)
        self._preprocess = Preprocessor(self._config.sizes, vocabulary)

    def network_options(self, task: str, options: Options) -> Mapping[str, Any]:
        """What the network takes beside task and batch; unless overridden nothing.

        Raises:
            InvalidField: If the weights were not trained for a value of an option.
        """
        return {}

    @torch.inference_mode()
    def encode(self, task: str, sources: Sequence[Source], options: Options) -> list[EncodedInstance]:
        """Turn instances of one task into symbols; see `TransmitterSystem.encode`."""
        self.check_task(task)
        given = self.network_options(task, options)
        symbols, mask = self._network(task, self._preprocess(task, sources), **given)
        return [
            EncodedInstance(
                instance[is_sent].numpy(),
                self._preprocess.num_source_values(task, source),
                num_unknown_pieces=self._preprocess.num_unknown_pieces(source),
            )
            for instance, is_sent, source in zip(symbols, mask, sources, strict=True)
        ]


class LearnedReceiver(_LearnedSide, ReceiverSystem):
    """x_hat -> channel decoder -> semantic decoder -> scores -> answer; the noise variance is not read.

    Args:
        network: With its weights, in evaluation mode from here on. It takes a task and symbols [B, L, S].
        manifest: What the folder of the weights says of them.
        vocabulary: Word pieces of reconstructed text; None where no task takes text.
    """

    side = "receiver"

    def __init__(self, network: nn.Module, manifest: Manifest, vocabulary: Vocabulary | None) -> None:
        super().__init__(network, manifest, vocabulary)
        self._answers = AnswerReader(manifest.tasks, manifest.labels, self._config.words, vocabulary)

    @abstractmethod
    def check_shape(self, task: str, shape: tuple[int, ...]) -> None:
        """Refuse a frame of a shape that the task does not send.

        Raises:
            InvalidField: If it is one.
        """

    def batch_key(self, shape: tuple[int, ...]) -> Hashable:
        """Frames with equal keys are decoded together; unless overridden those of one shape."""
        return shape

    def score(self, task: str, frames: Sequence[NDArray[np.complex64]]) -> Sequence[Tensor]:
        """Scores of frames with equal keys, each as `AnswerReader.read` takes them."""
        scores: Tensor = self._network(task, torch.from_numpy(np.stack(frames)))
        return list(scores)

    @torch.inference_mode()
    def decode(self, task: str, frames: Sequence[Received]) -> list[TaskAnswer]:
        """Answer frames of one task, in order, by their symbols alone; see `ReceiverSystem.decode`."""
        self.check_task(task)
        symbols = [frame.symbols for frame in frames]
        for x_hat in symbols:
            self.check_shape(task, x_hat.shape)
        return [
            self._answers.read(task, scores)
            for batch in self._batches(symbols)
            for scores in self.score(task, batch)
        ]

    def _batches(self, frames: Sequence[NDArray[np.complex64]]) -> Iterator[list[NDArray[np.complex64]]]:
        """Neighbours with equal keys, together at most _TOKENS_AT_ONCE tokens or one frame."""
        batch: list[NDArray[np.complex64]] = []
        num_tokens = 0
        for frame in frames:
            is_other = bool(batch) and self.batch_key(frame.shape) != self.batch_key(batch[0].shape)
            if batch and (is_other or num_tokens + len(frame) > _TOKENS_AT_ONCE):
                yield batch
                batch, num_tokens = [], 0
            batch.append(frame)
            num_tokens += len(frame)
        if batch:
            yield batch
