"""Files of traces and recordings: which names are allowed, and how an uploaded file is stored."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from shared.errors import InvalidField
from shared.names import NAME_RULE, is_name


def store_file(kind: str, folder: Path, file_name: str, data: bytes) -> None:
    """Write a new file, completely or not at all. An existing file is never overwritten.

    Args:
        kind: What the file is, for error messages: recording | trace.
        folder: Folder of the file; it is created if it does not exist.
        file_name: Name of the file, with its suffix.
        data: Content of the file.

    Raises:
        InvalidField: If the name is not allowed or already used, or the file cannot be written.
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
        raise InvalidField(kind, name, f"a name that no {kind} has yet") from error
    except OSError as error:
        raise InvalidField(kind, name, f"a file that can be written ({error.strerror})") from error
