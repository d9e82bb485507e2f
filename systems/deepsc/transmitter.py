"""The transmitter half of U-DeepSC and T-DeepSC with shipped weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shared.errors import TaskNotTrained
from systems.base import EncodedInstance, Source
from systems.deepsc.encoder import Encoder
from systems.layers.config import NetworkConfig
from systems.registry import Options


class Transmitter:
    """preprocess -> semantic encoders -> choice of tokens -> channel encoders -> symbols.

    Args:
        encoder: The network with its weights.
    """

    is_thread_safe = True

    def __init__(self, encoder: Encoder) -> None:
        manifest = encoder.manifest
        self.name, self.profile = manifest.system, NetworkConfig.of(manifest.config).profile
        self.fingerprint, self.tasks = manifest.fingerprint, manifest.tasks
        self._encoder = encoder

    @classmethod
    def load(cls, folder: Path) -> Transmitter:
        """Load this half's weights from a folder."""
        return cls(Encoder.load(folder))

    def encode(self, task: str, sources: Sequence[Source], options: Options) -> list[EncodedInstance]:
        """Turn instances of one task into symbols; there are no options. See `TransmitterSystem.encode`."""
        if task not in self.tasks:
            raise TaskNotTrained(task, self.name, list(self.tasks))
        return [
            EncodedInstance(
                symbols,
                self._encoder.preprocess.num_source_values(task, source),
                num_unknown_pieces=self._encoder.preprocess.num_unknown_pieces(source),
            )
            for symbols, source in zip(self._encoder.encode(task, sources), sources, strict=True)
        ]
