"""Where a figure or a weight comes from: commit and machine."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path


def current_commit() -> str:
    """The project's commit, "-dirty" where the tree differs; "unknown" outside a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def cpu_name() -> str:
    """The processor as Linux names it, with family and model, which tell generations apart; else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    numbers = [
        f"{name.removeprefix('cpu ')} {fields[name]}" for name in ("cpu family", "model") if name in fields
    ]
    return ", ".join([fields.get("model name") or platform.processor() or platform.machine(), *numbers])
