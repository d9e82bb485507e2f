"""Receiver halves by system. One more system is one folder here and one row of `shared.systems`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

from receiver.systems.apart import TrainedApart
from receiver.systems.base import ReceiverSystem
from shared.systems import get_system
from shared.weights import find_weights, load_manifest


def load_systems(weights: Path) -> dict[str, ReceiverSystem]:
    """Load every system that has a folder of weights below `weights`; none is no error."""
    return {name: _load(name, folders) for name, folders in find_weights(weights).items()}


def _load(name: str, folders: Sequence[Path]) -> ReceiverSystem:
    """The half whose class is `Receiver` of the system's own package, with the weights of its folders."""
    package = get_system(name).package
    module = import_module(f"receiver.systems.{package}.receiver")
    halves = [cast(ReceiverSystem, module.Receiver.load(folder)) for folder in folders]
    return halves[0] if len(halves) == 1 else TrainedApart(halves, [load_manifest(own) for own in folders])
