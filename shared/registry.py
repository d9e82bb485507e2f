"""A table of built-in rows, to which other distributions add rows of their own without a change here.

A distribution declares an entry point, `NAME = module:OBJECT`, in the table's group. A module that is part of
no distribution is named by a SEMCOM_* variable in the same form, with commas between several.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from shared.errors import InvalidField

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_T = TypeVar("_T")


class Registry(MutableMapping[str, _T], Generic[_T]):
    """Rows by name: the built-in ones, and then those of other distributions, in the order of their names.

    Other rows are looked for when the table is first read and not when it is made, because the modules that
    hold them import the table's own module.

    Args:
        built_in: Rows by name.
        kind: Type of a row.
        group: Name of the group of entry points.
        variable: SEMCOM_* variable, the name of a field of `ExtensionSettings`.
        accept: Called with the name, row and origin of each other row; returns the row to keep, or raises
            ValueError with what is wrong with it.
    """

    def __init__(
        self,
        built_in: Mapping[str, _T],
        kind: type[Any],
        *,
        group: str,
        variable: str,
        accept: Callable[[str, _T, str], _T] = lambda name, row, origin: row,
    ) -> None:
        self._built_in, self._kind = built_in, kind
        self._group, self._variable, self._accept = group, variable, accept
        self._found: dict[str, _T] | None = None
        self._problems: list[InvalidField] = []

    @property
    def built_in(self) -> Mapping[str, _T]:
        """The built-in rows."""
        return self._built_in

    @property
    def rows(self) -> Mapping[str, _T]:
        """All rows in a dict, which is read faster than the registry."""
        return self._rows()

    def check(self) -> None:
        """Make sure that every other row could be taken in; a service calls this before it starts.

        Raises:
            InvalidField: If one could not; it names the distribution or the variable.
        """
        if self._rows() and self._problems:
            raise self._problems[0]

    def __getitem__(self, name: str) -> _T:
        return self._rows()[name]

    def __setitem__(self, name: str, row: _T) -> None:
        self._rows()[name] = row

    def __delitem__(self, name: str) -> None:
        del self._rows()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows())

    def __len__(self) -> int:
        return len(self._rows())

    def _rows(self) -> dict[str, _T]:
        if self._found is None:
            # Not above: whoever reads a row imports no runtime before the table is read.
            from shared.runtime.settings import ExtensionSettings, load_settings

            self._found = dict(self._built_in)
            given = getattr(load_settings(ExtensionSettings), self._variable)
            origin = f"SEMCOM_{self._variable.upper()}"
            declared = [(point, _distribution(point)) for point in entry_points(group=self._group)]
            named = [(self._parse(text.strip()), origin) for text in given.split(",") if text.strip()]
            holders = dict.fromkeys(self._built_in, "semcom")
            for point, origin in [*sorted(declared, key=lambda found: (found[0].name, found[1])), *named]:
                self._take(self._found, point, origin, holders)
        return self._found

    def _take(self, rows: dict[str, _T], point: EntryPoint, origin: str, holders: dict[str, str]) -> None:
        """Add one row, or write down why it cannot be added."""
        try:
            if not _NAME.fullmatch(point.name):
                raise ValueError("NAME = module:OBJECT with a name of small letters, digits, - and _")
            if point.name in holders:
                raise ValueError(f"a name that {holders[point.name]} does not have already")
            row = point.load()
            if not isinstance(row, self._kind):
                raise ValueError(f"an object of the type {self._kind.__name__}, not {type(row).__name__}")
            rows[point.name] = self._accept(point.name, row, origin)
            holders[point.name] = origin
        except ValueError as error:
            self._refuse(point, origin, str(error))
        except Exception as error:  # Whatever somebody else's module raises as it is imported.
            self._refuse(point, origin, f"an object that can be imported ({type(error).__name__}: {error})")

    def _refuse(self, point: EntryPoint, origin: str, allowed: str) -> None:
        shown = f"{point.name} = {point.value}, from {origin}"
        self._problems.append(InvalidField(self._group, shown, allowed))

    def _parse(self, text: str) -> EntryPoint:
        name, _, value = text.partition("=")
        return EntryPoint(name.strip(), value.strip(), self._group)


def _distribution(point: EntryPoint) -> str:
    return "an unnamed distribution" if point.dist is None else f"{point.dist.name} {point.dist.version}"
