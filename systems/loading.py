"""Loads one half of every system that has weights; which half is the service's own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from shared.errors import InvalidField, SemcomError
from shared.weights import Half, Manifest, find_weights, load_manifest
from systems.registry import SYSTEMS, System, get_system

_H = TypeVar("_H")


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

    Raises:
        InvalidField: If the weights or the code cannot be loaded.
        UnknownName: If nobody declares the system.
    """
    return _class_of(get_system(load_manifest(folder).system), half).load(folder)


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
