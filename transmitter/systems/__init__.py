"""Transmitter halves by system. One more system is one folder here and one row of `shared.systems`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from shared.halves import load_halves, load_own_half
from transmitter.systems.apart import TrainedApart
from transmitter.systems.base import TransmitterSystem


def load_systems(weights: Path) -> dict[str, TransmitterSystem]:
    """Load every system that has weights below `weights`; see `load_halves`."""
    return load_halves(weights, "transmitter", TrainedApart)


def load_system(folder: Path) -> TransmitterSystem:
    """The transmitter half of one folder's system; see `load_own_half`."""
    return cast(TransmitterSystem, load_own_half(folder, "transmitter"))
