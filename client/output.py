"""Where the commands print: tables for people, JSON for machines."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from rich.console import Console

_PIPE_WIDTH = 120
# Where nobody's terminal sets the width, tables get room enough to show every figure.
OUT = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH)
ERR = Console(stderr=True)


def show(data: Any, table: Any, as_json: bool) -> None:
    """Print data as a table, or as one line of JSON and nothing else."""
    if not as_json:
        OUT.print(table)
        return
    print(json.dumps(data))
