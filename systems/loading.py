"""Loads one half of every system that has weights; which half is the service's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable
from weakref import WeakValueDictionary

from shared.errors import InvalidField, SemcomError
from shared.weights import Half, Manifest, find_weights, load_manifest
from systems.registry import SYSTEMS, System, get_system

_H = TypeVar("_H")
_WARM_UP_AFTER_S = 3.0
_LOADED: WeakValueDictionary[tuple[Path, Half, str], Any] = WeakValueDictionary()


@runtime_checkable
class WarmsUp(Protocol):
    """A side of a system that answers at its usual speed only once `warm_up` has run."""

    def warm_up(self) -> None:
        """Load and build what takes long; what is asked meanwhile is answered all the same."""
        ...


async def warm_up_later(systems: Iterable[object]) -> None:
    """Warm up the systems that need it, in a thread, once the services beside this one had time to start."""
    await asyncio.sleep(_WARM_UP_AFTER_S)
    for system in systems:
        if isinstance(system, WarmsUp):
            await asyncio.to_thread(system.warm_up)


def load_halves(
    weights: Path,
    half: Half,
    join: Callable[[Sequence[_H], Sequence[Manifest]], _H],
    names: Collection[str] | None = None,
) -> dict[str, _H]:
    """Load a half of every system that has weights below `weights`, by the system's name; none is no error.

    Args:
        weights: Folder with one folder of weights a system, or one a task.
        half: Which of the two.
        join: Makes one half of those of a system whose tasks were trained one by one.
        names: Of the systems to load; all where absent.

    Raises:
        InvalidField: If the weights or the code of a system cannot be loaded.
        UnknownName: If there are weights of a system that nobody declares.
    """
    SYSTEMS.check()
    systems: dict[str, _H] = {}
    for name, folders in find_weights(weights).items():
        if names is not None and name not in names:
            continue
        manifests = [load_manifest(folder) for folder in folders]
        halves: list[_H] = [load_own_half(folder, half) for folder in folders]
        systems[name] = halves[0] if len(halves) == 1 else join(halves, manifests)
    return systems


def load_own_half(folder: Path, half: Half) -> Any:
    """The half whose class is that of the system's own code, with the weights of a folder.

    Weights that are held already are not loaded again: two systems may use them.

    Raises:
        InvalidField: If the weights or the code cannot be loaded.
        UnknownName: If nobody declares the system.
    """
    manifest = load_manifest(folder)
    key = (folder.resolve(), half, manifest.fingerprint)
    loaded = _LOADED.get(key)
    if loaded is None:
        loaded = _LOADED[key] = _class_of(get_system(manifest.system), half).load(folder)
    return loaded


def _class_of(system: System, half: Half) -> Any:
    """The class `Transmitter` or `Receiver` of the system's own code.

    Raises:
        InvalidField: If its code cannot be imported or has no such class.
    """
    try:
        return getattr(import_module(f"{system.package}.{half}"), half.capitalize())
    except SemcomError:
        raise
    except Exception as error:  # Whatever somebody else's module raises as it is imported.
        allowed = f"a package with a class {half.capitalize()} ({type(error).__name__}: {error})"
        raise InvalidField("package", f"{system.package}, from {system.origin}", allowed) from error
