"""MFMSC's transmitter network with its weights: what a transmitter sends, and what a clean model reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from shared.networks.mfmsc.config import MfmscConfig
from shared.networks.mfmsc.transmitter_network import TransmitterNetwork
from shared.networks.preprocessor import Preprocessor
from shared.source import Source
from shared.weights import load_half, load_manifest, load_vocabulary


class Encoder:
    """preprocess -> semantic encoders -> fusion -> channel encoder -> symbols.

    Args:
        network: With its weights, in evaluation mode from here on.
        preprocess: Of the same profile and vocabulary.
    """

    def __init__(self, network: TransmitterNetwork, preprocess: Preprocessor) -> None:
        self._network, self._preprocess = network.eval(), preprocess

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Load the transmitter half of the weights of a folder.

        Raises:
            InvalidField: If a file is missing, was changed, or does not fit the network.
        """
        manifest = load_manifest(folder)
        config = MfmscConfig.of(manifest.config)
        network = TransmitterNetwork(config.sizes, manifest.tasks, config.vocab_size)
        load_half(folder, "transmitter", network, manifest)
        vocabulary = load_vocabulary(folder, manifest, config.sizes.max_text_tokens)
        return cls(network, Preprocessor(config.sizes, vocabulary))

    @torch.inference_mode()
    def encode(self, task: str, sources: Sequence[Source]) -> list[NDArray[np.complex64]]:
        """Symbols of instances at the highest rate; see `shared.networks.encoder.Encoder`."""
        symbols, mask = self._network(task, self._preprocess(task, sources))
        return [instance[valid].numpy() for instance, valid in zip(symbols, mask, strict=True)]
