"""Transmitter halves by system. One more system is one class and one row of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from shared.systems import get_system
from shared.weights import find_weights
from transmitter.systems.base import TransmitterSystem
from transmitter.systems.mfmsc.transmitter import MfmscTransmitter

LOADERS: Mapping[str, Callable[[Path], TransmitterSystem]] = {"mfmsc": MfmscTransmitter.load}


def load_systems(weights: Path) -> dict[str, TransmitterSystem]:
    """Load every system that has a folder of weights below `weights`; none is no error."""
    return {get_system(name).name: LOADERS[name](folder) for name, folder in find_weights(weights).items()}
