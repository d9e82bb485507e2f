"""Tables of the comparison report."""

from __future__ import annotations

from measured_rows import rows_of

from experiments.report.comparison import payload_table


def test_payloads_and_savings_stand_beside_the_papers() -> None:
    """128 of 3200 bytes are 96 % saved; a system without rows says why."""
    rows = rows_of("vqa", "easy-vqa", "accuracy")
    rows += rows_of("vqa", "easy-vqa", "accuracy", system="mmsc", payload_bytes=3200.0)
    missing = {("mfmsc", "movie_genres"): "not trained: no weights"}
    lines = payload_table(rows, "mfmsc", missing)
    assert "| vqa | mmsc | 3200 | 6400 | 96.0 % | 98.0 % |" in lines
    assert "| vqa | mfmsc | 128 | 128 | – | – |" in lines
    assert "| movie_genres | mfmsc | not trained: no weights | 128 | – | – |" in lines
