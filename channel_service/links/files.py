"""The files that links play and write: their names, and how one that comes from outside is kept."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from shared.errors import InvalidField

NAME_RULE = "1 to 64 of a-z, 0-9, _ and -, the first no sign"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def is_name(text: str) -> bool:
    """Can it name a link, a trace or a recording?"""
    return _NAME.fullmatch(text) is not None


def store_file(kind: str, folder: Path, file_name: str, data: bytes) -> None:
    """Keep a file whole or not at all; one that is there is never written over.

    Args:
        kind: What it is, for messages: recording | trace.
        folder: Made where it is missing.
        file_name: With its suffix.
        data: What it holds.

    Raises:
        InvalidField: If its name is not allowed or taken, or it cannot be written.
    """
    name = Path(file_name).stem
    if not is_name(name):
        raise InvalidField(kind, name, NAME_RULE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".part") as part:
            part.write(data)
            part.flush()
            os.link(part.name, folder / file_name)
    except FileExistsError as error:
        raise InvalidField(kind, name, f"a name that no {kind} bears yet") from error
    except OSError as error:
        raise InvalidField(kind, name, f"a file that can be written ({error.strerror})") from error
