"""Training and evaluation on data small enough to learn in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_data import small_examples


@pytest.fixture
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training and evaluation read the small data set."""
    monkeypatch.setattr("experiments.training.run.load_examples", small_examples)
    monkeypatch.setattr("experiments.evaluation.evaluate.load_examples", small_examples)
    monkeypatch.setattr("experiments.evaluation.matching.load_examples", small_examples)
    monkeypatch.setattr("experiments.evaluation.baselines.load_examples", small_examples)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of data sets, with a cache of its own."""
    monkeypatch.setenv("SEMCOM_DATA", str(tmp_path))
    monkeypatch.setenv("SEMCOM_CACHE", str(tmp_path / "cache"))
    return tmp_path
