"""Result files: the figures that `semcom evaluate --output` wrote."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shared.errors import InvalidField

_NEEDED = (
    *("task", "system", "dataset", "split", "channel", "fading", "csi", "snr_db", "metric", "value"),
    *("num_instances", "seed", "commit", "fingerprint", "channel_uses", "guesser", "num_realisations"),
)


def check_writable(path: Path) -> None:
    """Find out whether a file can be written before hours are spent on what it shall hold; makes its folder.

    Raises:
        InvalidField: If it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch()
            path.unlink()
        elif path.is_dir() or not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, "not a file, or not to be written")
    except OSError as error:
        raise InvalidField("output", path.name, f"a file that can be written ({error.strerror})") from error


def write_json(path: Path, content: Any) -> None:
    """Write JSON, such as an array of figures; a regular file whole or not at all."""
    is_device = path.exists() and not path.is_file()  # such as /dev/null
    partial = path if is_device else path.with_name(path.name + ".part")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if partial != path:
        partial.rename(path)


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
        raise InvalidField("results", path.name, f"{allowed} ({error})") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidField("results", path.name, allowed)
    for number, row in enumerate(rows):
        if missing := [name for name in _NEEDED if name not in row]:
            raise InvalidField(
                "results", path.name, f"{allowed}; figure {number} has no {', '.join(missing)}"
            )
    return rows
