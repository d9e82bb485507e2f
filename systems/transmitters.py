"""Transmitter halves by system. One more system is one folder here and one row of `systems.registry`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import cast

from systems.apart_transmitter import TrainedApart
from systems.base import TransmitterSystem
from systems.loading import load_halves, load_own_half


def load_systems(weights: Path, names: Collection[str] | None = None) -> dict[str, TransmitterSystem]:
    """Load every system, or those of these names, with weights below `weights`; see `load_halves`."""
    return load_halves(weights, "transmitter", TrainedApart, names)


def load_system(folder: Path) -> TransmitterSystem:
    """The transmitter half of one folder's system; see `load_own_half`."""
    return cast(TransmitterSystem, load_own_half(folder, "transmitter"))
