"""Loads one side of every system that has weights: the transmitters, or the receivers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast
from weakref import WeakValueDictionary

from shared.errors import InvalidField, SemcomError
from shared.weights import Manifest, Side, find_weights, load_manifest
from systems.base import ReceiverSystem, SystemSide, TransmitterSystem
from systems.per_task import PerTaskReceiver, PerTaskTransmitter
from systems.registry import SYSTEMS, get_system

_S = TypeVar("_S")
_WARM_UP_AFTER_S = 3.0
_LOADED: WeakValueDictionary[tuple[Path, Side, str], SystemSide] = WeakValueDictionary()


def load_transmitters(weights: Path, names: Collection[str] | None = None) -> dict[str, TransmitterSystem]:
    """Load the transmitter of every system that has weights below `weights`, by name; none is no error.

    Args:
        weights: Folder with one folder of weights a system, or one a task.
        names: Systems to load; all where absent.

    Raises:
        InvalidField: If the weights or the code of a system cannot be loaded.
        UnknownName: If there are weights of a system that nobody declares.
    """
    return _load_all(weights, names, load_transmitter, PerTaskTransmitter)


def load_receivers(weights: Path, names: Collection[str] | None = None) -> dict[str, ReceiverSystem]:
    """Load the receiver of every system that has weights below `weights`; see `load_transmitters`."""
    return _load_all(weights, names, load_receiver, PerTaskReceiver)


def load_transmitter(folder: Path) -> TransmitterSystem:
    """The transmitter of the system whose weights a folder holds.

    Raises:
        InvalidField: If the weights or the code cannot be loaded.
        UnknownName: If nobody declares the system.
    """
    return cast(TransmitterSystem, _load(folder, "transmitter"))


def load_receiver(folder: Path) -> ReceiverSystem:
    """The receiver of the system whose weights a folder holds; see `load_transmitter`."""
    return cast(ReceiverSystem, _load(folder, "receiver"))


def _load(folder: Path, side: Side) -> SystemSide:
    """One side with the weights of a folder; where another system holds them already, that side."""
    key = (folder.resolve(), side, load_manifest(folder).fingerprint)
    loaded = _LOADED.get(key)
    if loaded is None:
        loaded = _LOADED[key] = _class_of(folder, side).load(folder)
    return loaded


async def warm_up_later(steps: Iterable[Callable[[], None]]) -> None:
    """In a thread, once the services beside had time to start: what a first request would wait for."""
    await asyncio.sleep(_WARM_UP_AFTER_S)
    for step in steps:
        await asyncio.to_thread(step)


def _load_all(
    weights: Path,
    names: Collection[str] | None,
    load: Callable[[Path], _S],
    join: Callable[[Sequence[_S], Sequence[Manifest]], _S],
) -> dict[str, _S]:
    """One side of each system; `join` makes one of those of a system whose tasks were trained one by one."""
    SYSTEMS.check()
    systems: dict[str, _S] = {}
    for name, folders in find_weights(weights).items():
        if names is None or name in names:
            sides = [load(folder) for folder in folders]
            manifests = [load_manifest(folder) for folder in folders]
            systems[name] = sides[0] if len(sides) == 1 else join(sides, manifests)
    return systems


def _class_of(folder: Path, side: Side) -> Any:
    """The class `Transmitter` or `Receiver` of the system's package.

    Raises:
        InvalidField: If the package cannot be imported or has no such class.
    """
    system = get_system(load_manifest(folder).system)
    try:
        return getattr(import_module(f"{system.package}.{side}"), side.capitalize())
    except SemcomError:
        raise
    except Exception as error:  # Whatever somebody else's module raises as it is imported.
        allowed = f"a package with {side}.{side.capitalize()} ({type(error).__name__}: {error})"
        raise InvalidField("package", f"{system.package}, from {system.origin}", allowed) from error
