"""Whether the books hold each instance that was acknowledged exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.reliability.load import Outcome

_OK = "OK"
_MAX_ROWS = 100_000
_MAX_NAMED = 5


@dataclass(frozen=True)
class Audit:
    """Acknowledged instances held against the stored rows.

    Attributes:
        num_acknowledged: Requests answered with 200.
        num_missing: Of these, those whose instance is in no row, or in one that says it failed.
        num_twice: Frame numbers, each of one request, under which several instances are stored as answered.
        examples: A few of the identifiers and frame numbers that are wrong.
    """

    num_acknowledged: int
    num_missing: int
    num_twice: int
    examples: list[str]


def audit(outcomes: Iterable[Outcome], rows: Sequence[Mapping[str, Any]]) -> Audit:
    """Hold outcomes against the rows of the report of instances.

    A request that was tried again may have got another identifier, so that an identifier alone cannot show
    that it was counted twice; the frame number, which each request has for itself, does.

    Args:
        outcomes: Of requests with frame numbers that were used once.
        rows: With `instance_id`, `frame_number` and `status`.
    """
    outcomes = list(outcomes)
    answered = Counter(row["instance_id"] for row in rows if row["status"] == _OK)
    by_number = Counter(int(row["frame_number"]) for row in rows if row["status"] == _OK)
    acknowledged = [outcome for outcome in outcomes if outcome.status == 200]
    missing = [one.instance_id for one in acknowledged if answered[one.instance_id] != 1]
    numbers = {one.frame_number for one in outcomes if one.frame_number is not None}
    twice = [number for number in numbers if by_number[number] > 1]
    examples = [*missing[:_MAX_NAMED], *(str(number) for number in twice[:_MAX_NAMED])]
    return Audit(len(acknowledged), len(missing), len(twice), examples)


def read_rows(report: Any, link: str) -> list[dict[str, Any]]:
    """Every stored row of a link.

    Args:
        report: The Python client's method of that name.
        link: Name of the link.
    """
    rows: list[dict[str, Any]] = []
    while True:
        page = report("instances", link=link, limit=_MAX_ROWS, offset=len(rows))
        rows += page
        if len(page) < _MAX_ROWS:
            return rows
