"""The transmitter network of U-DeepSC or T-DeepSC with its weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from shared.source import Source
from shared.weights import Manifest, load_half, load_manifest, load_vocabulary
from systems.deepsc.transmitter_network import TransmitterNetwork
from systems.layers.config import NetworkConfig
from systems.layers.preprocessor import Preprocessor


class Encoder:
    """preprocess -> semantic encoders -> channel encoders -> symbols.

    Args:
        network: With its weights, in evaluation mode from here on.
        preprocess: Of the same profile and vocabulary.
        manifest: Of the weights.
    """

    def __init__(self, network: TransmitterNetwork, preprocess: Preprocessor, manifest: Manifest) -> None:
        self._network, self.preprocess, self.manifest = network.eval(), preprocess, manifest

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Load the transmitter half of the weights of a folder.

        Raises:
            InvalidField: If a file is missing, was changed, or does not fit the network.
        """
        manifest = load_manifest(folder)
        config = NetworkConfig.of(manifest.config)
        network = TransmitterNetwork(config.sizes, manifest.tasks, config.vocab_size)
        load_half(folder, "transmitter", network, manifest)
        vocabulary = load_vocabulary(folder, manifest, config.sizes.max_text_tokens)
        return cls(network, Preprocessor(config.sizes, vocabulary), manifest)

    @torch.inference_mode()
    def encode(self, task: str, sources: Sequence[Source]) -> list[NDArray[np.complex64]]:
        """Symbols of instances; see `systems.layers.encoder.Encoder`.

        Args:
            task: One of the manifest's tasks.
            sources: Decoded inputs.

        Returns:
            complex64 each, shape [num_tokens, S], unit mean power.
        """
        symbols, mask = self._network(task, self.preprocess(task, sources))
        return [instance[valid].numpy() for instance, valid in zip(symbols, mask, strict=True)]
