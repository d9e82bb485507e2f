"""The file of the measurements: a part is stored as soon as it is done, in the place of an earlier one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from experiments.evaluation.results import write_json

Part = dict[str, Any]
"""`provenance`: where and when it was measured; `figures`: what was."""


def read_parts(path: Path) -> dict[str, Part]:
    """What is stored, by name of the part; nothing where there is no file yet.

    Args:
        path: The JSON file.
    """
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def store_part(path: Path, name: str, provenance: dict[str, Any], figures: dict[str, Any]) -> None:
    """Put one part into the file, in the place of an earlier one of that name.

    Args:
        path: The JSON file; made where absent.
        name: Of the part.
        provenance: Where and when it was measured.
        figures: What was measured.
    """
    parts = read_parts(path) | {name: {"provenance": provenance, "figures": figures}}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, parts)
