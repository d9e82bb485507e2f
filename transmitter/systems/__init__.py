"""Transmitter halves by system. One more system is one folder here and one row of `shared.systems`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import cast

from shared.systems import get_system
from shared.weights import find_weights, load_manifest
from transmitter.systems.apart import TrainedApart
from transmitter.systems.base import TransmitterSystem


def load_systems(weights: Path) -> dict[str, TransmitterSystem]:
    """Load every system that has weights below `weights`, in one folder or one a task; none is no error."""
    systems: dict[str, TransmitterSystem] = {}
    for name, folders in find_weights(weights).items():
        halves = [load_system(folder) for folder in folders]
        manifests = [load_manifest(folder) for folder in folders]
        systems[name] = halves[0] if len(halves) == 1 else TrainedApart(halves, manifests)
    return systems


def load_system(folder: Path) -> TransmitterSystem:
    """The half whose class is `Transmitter` of the system's own package, with the weights of a folder.

    Raises:
        InvalidField: If the weights cannot be loaded.
    """
    package = get_system(load_manifest(folder).system).package
    module = import_module(f"transmitter.systems.{package}.transmitter")
    return cast(TransmitterSystem, module.Transmitter.load(folder))
