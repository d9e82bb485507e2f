"""Names of the systems that can run over the link."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import UnknownName


@dataclass(frozen=True)
class System:
    """One communication system: a transmitter half and a receiver half behind one interface.

    Attributes:
        name: As in the REST API.
        description: For people.
        package: Folder of its code in `transmitter/systems/`, `receiver/systems/`.
    """

    name: str
    description: str
    package: str


_TABLE = (
    System(
        "mfmsc",
        "Multi-modal fusion-based multi-task semantic communication: one set of weights for all tasks, "
        "multi-modal features fused to one vector of 16 channel uses.",
        package="mfmsc",
    ),
)

SYSTEMS: dict[str, System] = {system.name: system for system in _TABLE}


def get_system(name: str) -> System:
    """The system of that name.

    Raises:
        UnknownName: If there is none.
    """
    if name not in SYSTEMS:
        raise UnknownName("system", name, ", ".join(SYSTEMS))
    return SYSTEMS[name]
