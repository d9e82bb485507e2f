"""MFMSC's transmitter half: the fused, multi-task network with shipped weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from shared.errors import TaskNotTrained
from shared.networks.mfmsc.config import MfmscConfig
from shared.networks.mfmsc.transmitter_network import TransmitterNetwork
from shared.networks.preprocessor import Preprocessor
from shared.networks.text import Vocabulary
from shared.systems import Options
from shared.weights import Manifest, load_half, load_manifest, load_vocabulary
from transmitter.systems.base import EncodedInstance, Source


class Transmitter:
    """preprocess -> semantic encoders -> fusion -> channel encoder -> symbols.

    Args:
        network: With its weights, in evaluation mode from here on.
        manifest: Of the weights.
        vocabulary: Of the text encoder; None where no task takes text.
    """

    def __init__(
        self, network: TransmitterNetwork, manifest: Manifest, vocabulary: Vocabulary | None
    ) -> None:
        config = MfmscConfig.of(manifest.config)
        self.name, self.profile = manifest.system, config.profile
        self.fingerprint, self.tasks = manifest.fingerprint, manifest.tasks
        self.preprocess = Preprocessor(config.sizes, vocabulary)
        self._network = network.eval()

    @classmethod
    def load(cls, folder: Path) -> Transmitter:
        """Load this half's weights from a folder."""
        manifest = load_manifest(folder)
        config = MfmscConfig.of(manifest.config)
        network = TransmitterNetwork(
            config.sizes, manifest.tasks, config.vocab_size, has_fusion=config.has_fusion
        )
        load_half(folder, "transmitter", network, manifest)
        return cls(network, manifest, load_vocabulary(folder, manifest, config.sizes.max_text_tokens))

    @torch.inference_mode()
    def encode(self, task: str, sources: Sequence[Source], options: Options) -> list[EncodedInstance]:
        """Turn instances of one task into symbols; see `TransmitterSystem.encode`."""
        if task not in self.tasks:
            raise TaskNotTrained(task, self.name, list(self.tasks))
        symbols, mask = self._network(task, self.preprocess(task, sources), int(options["symbols_per_token"]))
        counts = [self.preprocess.num_source_values(task, source) for source in sources]
        return [
            EncodedInstance(instance[valid].numpy(), count)
            for instance, valid, count in zip(symbols, mask, counts, strict=True)
        ]
