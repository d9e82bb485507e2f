"""The systems that can run over the link: a name each, with the row that its package declares.

Other distributions add systems by entry points of the group `semcom.systems`, or SEMCOM_SYSTEMS names them.

No code asks for a system by name: what differs between systems is a field of its row, or stands behind the
interfaces of `systems.base`. Rows are read by every process, so neither this file nor they import torch.
"""

from __future__ import annotations

from dataclasses import replace

from shared.errors import UnknownName
from shared.registry import Registry
from systems.deepsc import TDEEPSC, UDEEPSC
from systems.mfmsc import MFMSC, MFSC, MMSC
from systems.rows import System
from systems.separate import SEPARATE

_BUILT_IN = (MFMSC, MFSC, MMSC, UDEEPSC, TDEEPSC, SEPARATE)


def _accept(name: str, system: System, origin: str) -> System:
    """A row from another distribution, with its origin."""
    if system.name != name:
        raise ValueError(f"a row whose name is that of its entry point, not {system.name}")
    return replace(system, origin=origin)


SYSTEMS: Registry[System] = Registry(
    {system.name: system for system in _BUILT_IN},
    System,
    group="semcom.systems",
    variable="systems",
    accept=_accept,
)
DEFAULT_SYSTEM = MFMSC.name
"""Taken where a client names no system."""


def get_system(name: str) -> System:
    """The system of that name.

    Raises:
        UnknownName: If there is none.
    """
    if name not in SYSTEMS:
        raise UnknownName("system", name, ", ".join(SYSTEMS))
    return SYSTEMS[name]
