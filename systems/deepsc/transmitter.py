"""The transmitter of U-DeepSC and T-DeepSC."""

from __future__ import annotations

from shared.weights import Manifest
from systems.deepsc.networks import TransmitterNetwork
from systems.layers.config import NetworkConfig
from systems.learned import LearnedTransmitter


class Transmitter(LearnedTransmitter):
    """preprocessing -> semantic encoders -> choice of tokens -> channel encoders; see the base class."""

    @classmethod
    def build_network(cls, manifest: Manifest) -> TransmitterNetwork:
        """See the base class."""
        config = NetworkConfig.of(manifest.config)
        return TransmitterNetwork(config.sizes, manifest.tasks, config.vocab_size)
