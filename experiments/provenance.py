"""Where a figure or a weight comes from."""

from __future__ import annotations

import subprocess
from pathlib import Path


def current_commit() -> str:
    """The project's commit, "-dirty" where the tree differs; "unknown" outside a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
