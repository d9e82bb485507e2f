"""Result files: the figures that `semcom evaluate --output` wrote."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.errors import InvalidField

_NEEDED = (
    *("task", "system", "dataset", "split", "channel", "fading", "csi", "snr_db", "metric", "value"),
    *("num_instances", "seed", "commit", "fingerprint", "channel_uses", "guesser"),
)


def check_writable(path: Path) -> None:
    """Make the folder of a file that is to be written, before hours are spent on what it shall hold.

    Raises:
        InvalidField: If there can be no such file.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidField("output", str(path), f"a file in a folder ({error.strerror})") from error
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise InvalidField("output", str(path), "a file that can be written")


def write_figures(path: Path, figures: Sequence[Mapping[str, Any]]) -> None:
    """Write figures as a JSON array; a reader sees the file as it was, or whole."""
    partial = path.with_name(path.name + ".part")
    partial.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def read_figures(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Figures of several result files, in order.

    Raises:
        InvalidField: If a file cannot be read, or holds something else.
    """
    return [row for path in paths for row in _read(path)]


def _read(path: Path) -> list[dict[str, Any]]:
    allowed = "a JSON array of figures, as semcom evaluate --output writes it"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidField("results", str(path), f"{allowed} ({error})") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidField("results", str(path), allowed)
    for number, row in enumerate(rows):
        if missing := [name for name in _NEEDED if name not in row]:
            raise InvalidField(
                "results", str(path), f"{allowed}; figure {number} has no {', '.join(missing)}"
            )
    return rows
