"""Receiver halves by system. One more system is one class and one row of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from receiver.systems.base import ReceiverSystem
from receiver.systems.mfmsc.receiver import MfmscReceiver
from shared.systems import get_system
from shared.weights import find_weights

LOADERS: Mapping[str, Callable[[Path], ReceiverSystem]] = {"mfmsc": MfmscReceiver.load}


def load_systems(weights: Path) -> dict[str, ReceiverSystem]:
    """Load every system that has a folder of weights below `weights`; none is no error."""
    return {get_system(name).name: LOADERS[name](folder) for name, folder in find_weights(weights).items()}
