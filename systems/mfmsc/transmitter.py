"""The transmitter of MFMSC, and of the systems that are made from its network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from shared.errors import InvalidField
from shared.weights import Manifest
from systems.layers.text import Vocabulary
from systems.learned import LearnedTransmitter
from systems.mfmsc.config import MfmscConfig, lowest_trained_rate
from systems.mfmsc.networks import TransmitterNetwork
from systems.rows import Options


class Transmitter(LearnedTransmitter):
    """preprocessing -> semantic encoders -> fusion -> channel encoder -> symbols; see the base class."""

    def __init__(self, network: nn.Module, manifest: Manifest, vocabulary: Vocabulary | None) -> None:
        super().__init__(network, manifest, vocabulary)
        self._lowest_rates = {task: lowest_trained_rate(manifest.training, task) for task in self.tasks}

    @classmethod
    def build_network(cls, manifest: Manifest) -> TransmitterNetwork:
        """See the base class."""
        config = MfmscConfig.of(manifest.config)
        return TransmitterNetwork(
            config.sizes, manifest.tasks, config.vocab_size, has_fusion=config.has_fusion
        )

    def network_options(self, task: str, options: Options) -> Mapping[str, Any]:
        """The rate of a sequence; see the base class."""
        rate, lowest = int(options["symbols_per_token"]), self._lowest_rates[task]
        if rate < lowest:
            allowed = f"at least {lowest} for {task}: its weights were trained for no lower rate"
            raise InvalidField("symbols_per_token", rate, allowed)
        return {"symbols_per_token": rate}
