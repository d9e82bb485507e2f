"""Rows of a comparison: paired differences and what is kept in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from measured_rows import rows_of

from experiments.evaluation.comparison import Comparison, key_of
from experiments.evaluation.evaluate import Figure, Scored


def _row(system: str, snr_db: float, value: float, **changes: Any) -> dict[str, Any]:
    rows = rows_of("vqa", "easy-vqa", "accuracy", system=system, value=value, config={"options": {}}, limit=4)
    return {**next(row for row in rows if (row["channel"], row["snr_db"]) == ("awgn", snr_db)), **changes}


def _comparison(path: Path, *own: tuple[dict[str, Any], list[float]]) -> Comparison:
    samples = {key_of(row): np.array(values, np.float32) for row, values in own}
    return Comparison(path, [row for row, _ in own], samples)


def test_a_paired_difference_is_that_of_the_same_resamples(tmp_path: Path) -> None:
    """Differences of the two resamples, averaged over both SNRs: 0.25 and 0.35; quantiles lie in between."""
    found = _comparison(
        tmp_path / "rows.json",
        (_row("one", 0.0, 0.8), [0.7, 0.9]),
        (_row("one", 6.0, 0.9), [0.8, 1.0]),
        (_row("two", 0.0, 0.5), [0.4, 0.6]),
        (_row("two", 6.0, 0.6), [0.6, 0.6]),
        (_row("two", 12.0, 0.1), [0.1, 0.1]),
    ).difference("one", "two", "vqa", "awgn")
    assert found is not None
    assert found.snrs_db == (0.0, 6.0)
    assert found.measured.value == pytest.approx(0.3)
    assert found.measured.low == pytest.approx(0.25 + 0.025 * 0.1)
    assert found.measured.high == pytest.approx(0.35 - 0.025 * 0.1)


def test_other_instances_or_draws_are_no_pair(tmp_path: Path) -> None:
    one = (_row("one", 0.0, 0.8), [0.7, 0.9])
    for changes in ({"seed": 1}, {"limit": 5}, {"dataset": "other"}):
        other = (_row("two", 0.0, 0.5, **changes), [0.4, 0.6])
        assert _comparison(tmp_path / "rows.json", one, other).difference("one", "two", "vqa", "awgn") is None


def test_new_weights_leave_no_row_of_older_ones(tmp_path: Path) -> None:
    comparison = Comparison.read(tmp_path / "rows.json")

    def add(system: str, snr_db: float, fingerprint: str) -> None:
        fields = _row(system, snr_db, 0.5, fingerprint=fingerprint)
        del fields["limit"]
        comparison.add([Scored(Figure(**fields), np.array([0.4, 0.6]))], limit=4)

    for snr_db in (0.0, 6.0):
        add("one", snr_db, "old")
        add("two", snr_db, "other")
    add("one", 6.0, "new")
    stored = Comparison.read(tmp_path / "rows.json")
    left = sorted((row["system"], row["snr_db"], row["fingerprint"]) for row in stored.rows)
    assert left == [("one", 6.0, "new"), ("two", 0.0, "other"), ("two", 6.0, "other")]
