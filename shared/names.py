"""Names as error messages show them."""

from __future__ import annotations

from collections.abc import Sequence

_MAX_NAMES_SHOWN = 8


def shorten_names(names: Sequence[str]) -> str:
    """The first names, with commas between; "none" where there are none."""
    more = ["…"] if len(names) > _MAX_NAMES_SHOWN else []
    return ", ".join([*names[:_MAX_NAMES_SHOWN], *more]) or "none: there are none yet"
