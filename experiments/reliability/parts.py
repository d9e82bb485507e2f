"""The parts of a measurement, in their short form of minutes and in their long form of hours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.reliability.faults import FaultScale, measure_faults
from experiments.reliability.hostile import measure_hostile
from experiments.reliability.soak import measure_soak
from experiments.reliability.throughput import Scale, measure_throughput

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        throughput: Of the part of that name.
        faults: Of the part of that name.
        num_soak_requests: Requests of the part `soak`.
        num_hostile_inputs: Inputs of the part `hostile`.
    """

    throughput: Scale
    faults: FaultScale
    num_soak_requests: int
    num_hostile_inputs: int


SHORT = Extent(
    throughput=Scale(window_s=3.0, clients=(1, 8, 32, 128), rival_clients=(1, 32), in_process_s=2.0),
    faults=FaultScale(before_s=1.0, pause_s=10.0, after_s=6.0, deadline_s=5.0),
    num_soak_requests=1_500,
    num_hostile_inputs=500,
)
LONG = Extent(
    throughput=Scale(
        window_s=20.0, clients=(1, 8, 32, 128), rival_clients=(1, 8, 32, 128), in_process_s=10.0
    ),
    faults=FaultScale(before_s=3.0, pause_s=10.0, after_s=10.0, deadline_s=5.0),
    num_soak_requests=20_000,
    num_hostile_inputs=10_000,
)


PARTS: dict[str, Callable[[Extent, Path, Path, Progress], dict[str, Any]]] = {
    "throughput": lambda extent, weights, _, tell: measure_throughput(extent.throughput, weights, tell),
    "faults": lambda extent, weights, _, tell: measure_faults(extent.faults, weights, tell),
    "soak": lambda extent, weights, _, tell: measure_soak(extent.num_soak_requests, weights, tell),
    "hostile": lambda extent, *others: measure_hostile(extent.num_hostile_inputs, *others),
}
"""By name: measures with an extent, weights, the folder for findings, and whom to tell how far it is."""
