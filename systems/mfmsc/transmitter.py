"""MFMSC's transmitter half: the fused, multi-task network with shipped weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shared.errors import InvalidField, TaskNotTrained
from systems.base import EncodedInstance, Source
from systems.mfmsc.config import MfmscConfig, lowest_trained_rate
from systems.mfmsc.encoder import Encoder
from systems.registry import Options


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
        self._lowest_rates = {task: lowest_trained_rate(manifest.training, task) for task in self.tasks}

    @classmethod
    def load(cls, folder: Path) -> Transmitter:
        """Load this half's weights from a folder."""
        return cls(Encoder.load(folder))

    def encode(self, task: str, sources: Sequence[Source], options: Options) -> list[EncodedInstance]:
        """Turn instances of one task into symbols; see `TransmitterSystem.encode`."""
        if task not in self.tasks:
            raise TaskNotTrained(task, self.name, list(self.tasks))
        rate, lowest = int(options["symbols_per_token"]), self._lowest_rates[task]
        if rate < lowest:
            allowed = f"at least {lowest} for {task}: its weights were trained for no lower rate"
            raise InvalidField("symbols_per_token", rate, allowed)
        encoded = self._encoder.encode(task, sources, rate)
        return [
            EncodedInstance(
                symbols,
                self._encoder.preprocess.num_source_values(task, source),
                num_unknown_pieces=self._encoder.preprocess.num_unknown_pieces(source),
            )
            for symbols, source in zip(encoded, sources, strict=True)
        ]
