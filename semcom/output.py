"""Where the commands print: tables for people, JSON for machines."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from semcom.errors import ClientError

_PIPE_WIDTH = 120
_PICTURE_FIELD = "image_png_base64"
# Where nobody's terminal sets the width, tables get room enough to show every figure.
OUT = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH)
ERR = Console(stderr=True)


def show(data: Any, table: Any, as_json: bool) -> None:
    """Print data as a table, or as one line of JSON and nothing else."""
    if not as_json:
        OUT.print(table)
        return
    print(json.dumps(data))


def write_picture(result: Mapping[str, Any], output: Path) -> None:
    """Write the PNG of a transmit result's answer.

    Args:
        result: What `Client.transmit` returned.
        output: File to write; its folder is made.

    Raises:
        ClientError: If the answer is no picture.
    """
    answer = result["answer"]
    if _PICTURE_FIELD not in answer:
        raise ClientError(
            f"output = {str(output)!r} is not written: the answer of {result['task']} holds no picture; "
            "allowed: tasks whose answer is an image, see semcom tasks"
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(base64.b64decode(answer[_PICTURE_FIELD]))
