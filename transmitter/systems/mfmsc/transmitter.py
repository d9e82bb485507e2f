"""MFMSC's transmitter half: the fused, multi-task network with shipped weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shared.errors import TaskNotTrained
from shared.networks.mfmsc.config import MfmscConfig
from shared.networks.mfmsc.encoder import Encoder
from shared.systems import Options
from transmitter.systems.base import EncodedInstance, Source


class Transmitter:
    """preprocess -> semantic encoders -> fusion -> channel encoder -> symbols.

    Args:
        encoder: The network with its weights.
    """

    is_thread_safe = True

    def __init__(self, encoder: Encoder) -> None:
        manifest = encoder.manifest
        self.name, self.profile = manifest.system, MfmscConfig.of(manifest.config).profile
        self.fingerprint, self.tasks = manifest.fingerprint, manifest.tasks
        self._encoder = encoder

    @classmethod
    def load(cls, folder: Path) -> Transmitter:
        """Load this half's weights from a folder."""
        return cls(Encoder.load(folder))

    def encode(self, task: str, sources: Sequence[Source], options: Options) -> list[EncodedInstance]:
        """Turn instances of one task into symbols; see `TransmitterSystem.encode`."""
        if task not in self.tasks:
            raise TaskNotTrained(task, self.name, list(self.tasks))
        encoded = self._encoder.encode(task, sources, int(options["symbols_per_token"]))
        return [
            EncodedInstance(
                symbols,
                self._encoder.preprocess.num_source_values(task, source),
                num_unknown_pieces=self._encoder.preprocess.num_unknown_pieces(source),
            )
            for symbols, source in zip(encoded, sources, strict=True)
        ]
