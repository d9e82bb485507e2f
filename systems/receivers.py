"""Receiver halves by system. One more system is one folder here and one row of `systems.registry`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import cast

from systems.apart_receiver import TrainedApart
from systems.loading import load_halves, load_own_half
from systems.receiver_base import ReceiverSystem


def load_systems(weights: Path, names: Collection[str] | None = None) -> dict[str, ReceiverSystem]:
    """Load every system, or those of these names, with weights below `weights`; see `load_halves`."""
    return load_halves(weights, "receiver", TrainedApart, names)


def load_system(folder: Path) -> ReceiverSystem:
    """The receiver half of one folder's system; see `load_own_half`."""
    return cast(ReceiverSystem, load_own_half(folder, "receiver"))
