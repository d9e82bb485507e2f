"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shared.errors import UnknownName
from shared.weights import find_weights

SYSTEM = Annotated[str, typer.Option(help="Communication system.")]
WEIGHTS = Annotated[Path, typer.Option(help="Folder with a folder of weights a system.")]
THREADS = Annotated[int, typer.Option(min=1, help="CPU threads.")]


def weights_of(weights: Path, system: str) -> tuple[Path, ...]:
    """The folders with a system's weights: one, or one a task.

    Raises:
        UnknownName: If `weights` holds none of that system.
    """
    folders = find_weights(weights)
    if system not in folders:
        raise UnknownName("system", system, ", ".join(folders) or "none: the folder holds no weights")
    return folders[system]
