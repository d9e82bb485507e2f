"""MFMSC's transmitter half: the fused, multi-task network with shipped weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from shared.checkpoint import Manifest, load_half, load_manifest, load_vocabulary
from shared.errors import TaskNotTrained
from shared.profiles import get_profile
from shared.text import Vocabulary
from transmitter.network import Batch, TransmitterNetwork
from transmitter.preprocessing import Preprocessor
from transmitter.systems.base import EncodedInstance, Source


class MfmscTransmitter:
    """preprocess -> semantic encoders -> fusion -> channel encoder -> symbols.

    Args:
        network: With its weights, in evaluation mode from here on.
        manifest: Of the weights.
        vocabulary: Of the text encoder; None where no task takes text.
    """

    name = "mfmsc"

    def __init__(
        self, network: TransmitterNetwork, manifest: Manifest, vocabulary: Vocabulary | None
    ) -> None:
        self.profile, self.fingerprint, self.tasks = manifest.profile, manifest.fingerprint, manifest.tasks
        self.preprocess = Preprocessor(get_profile(manifest.profile), vocabulary)
        self._network = network.eval()

    @classmethod
    def load(cls, folder: Path) -> MfmscTransmitter:
        """Load this half's weights from a folder."""
        manifest = load_manifest(folder)
        profile = get_profile(manifest.profile)
        network = TransmitterNetwork(profile, manifest.tasks, manifest.vocab_size)
        load_half(folder, "transmitter", network, manifest)
        return cls(network, manifest, load_vocabulary(folder, manifest, profile.max_text_tokens))

    def encode(self, task: str, sources: Sequence[Source]) -> list[EncodedInstance]:
        """Turn instances of one task into symbols; see `TransmitterSystem.encode`."""
        if task not in self.tasks:
            raise TaskNotTrained(task, self.name, list(self.tasks))
        counts = [self.preprocess.num_source_values(task, source) for source in sources]
        return self.encode_batch(task, self.preprocess(task, sources), counts)

    @torch.inference_mode()
    def encode_batch(
        self, task: str, batch: Batch, num_source_values: Sequence[int]
    ) -> list[EncodedInstance]:
        """Turn an already preprocessed batch into symbols."""
        symbols, mask = self._network(task, batch)
        return [
            EncodedInstance(instance[valid].numpy(), count)
            for instance, valid, count in zip(symbols, mask, num_source_values, strict=True)
        ]
