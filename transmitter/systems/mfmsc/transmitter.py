"""MFMSC's transmitter half: the fused, multi-task network with shipped weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from shared.errors import InvalidField, TaskNotTrained
from shared.networks.profiles import CHANNEL_USES_PER_TOKEN, MIN_CHANNEL_USES_PER_TOKEN, get_profile
from shared.networks.text import Vocabulary
from shared.tasks import get_task
from shared.weights import Manifest, load_half, load_manifest, load_vocabulary
from transmitter.preprocessing import Preprocessor
from transmitter.systems.base import EncodedInstance, Source
from transmitter.systems.mfmsc.network import Batch, TransmitterNetwork


class Transmitter:
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
    def load(cls, folder: Path) -> Transmitter:
        """Load this half's weights from a folder."""
        manifest = load_manifest(folder)
        profile = get_profile(manifest.profile)
        network = TransmitterNetwork(profile, manifest.tasks, manifest.vocab_size)
        load_half(folder, "transmitter", network, manifest)
        return cls(network, manifest, load_vocabulary(folder, manifest, profile.max_text_tokens))

    def encode(
        self, task: str, sources: Sequence[Source], symbols_per_token: int | None = None
    ) -> list[EncodedInstance]:
        """Turn instances of one task into symbols; see `TransmitterSystem.encode`."""
        if task not in self.tasks:
            raise TaskNotTrained(task, self.name, list(self.tasks))
        rate = _check_rate(task, symbols_per_token)
        counts = [self.preprocess.num_source_values(task, source) for source in sources]
        return self.encode_batch(task, self.preprocess(task, sources), counts, rate)

    @torch.inference_mode()
    def encode_batch(
        self,
        task: str,
        batch: Batch,
        num_source_values: Sequence[int],
        symbols_per_token: int = CHANNEL_USES_PER_TOKEN,
    ) -> list[EncodedInstance]:
        """Turn an already preprocessed batch into symbols."""
        symbols, mask = self._network(task, batch, symbols_per_token)
        return [
            EncodedInstance(instance[valid].numpy(), count)
            for instance, valid, count in zip(symbols, mask, num_source_values, strict=True)
        ]


def _check_rate(task: str, symbols_per_token: int | None) -> int:
    """The rate to send at: the whole code, or for a sequence a part of it."""
    if symbols_per_token in (None, CHANNEL_USES_PER_TOKEN):
        return CHANNEL_USES_PER_TOKEN
    assert symbols_per_token is not None
    if not get_task(task).sends_sequence:
        raise InvalidField(
            "symbols_per_token", symbols_per_token, f"{CHANNEL_USES_PER_TOKEN}: {task} sends one token"
        )
    if not MIN_CHANNEL_USES_PER_TOKEN <= symbols_per_token < CHANNEL_USES_PER_TOKEN:
        allowed = f"{MIN_CHANNEL_USES_PER_TOKEN} to {CHANNEL_USES_PER_TOKEN}"
        raise InvalidField("symbols_per_token", symbols_per_token, allowed)
    return symbols_per_token
