"""Names that users give, and names as error messages show them."""

from __future__ import annotations

import re
from collections.abc import Sequence

NAME_RULE = "1 to 64 of a-z, 0-9, _ and -, the first a letter or a digit"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_MAX_NAMES_SHOWN = 8


def is_name(text: str) -> bool:
    """True if `text` is an allowed name for a link, a trace or a recording."""
    return _NAME.fullmatch(text) is not None


def shorten_names(names: Sequence[str]) -> str:
    """The first names, with commas between; "none" where there are none."""
    more = ["…"] if len(names) > _MAX_NAMES_SHOWN else []
    return ", ".join([*names[:_MAX_NAMES_SHOWN], *more]) or "none: there are none yet"
