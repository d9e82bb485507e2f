"""Training and evaluation on data small enough to learn in seconds."""

from __future__ import annotations

import pytest
from small_data import small_examples


@pytest.fixture
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training and evaluation read the small data set."""
    monkeypatch.setattr("experiments.run.load_examples", small_examples)
    monkeypatch.setattr("experiments.evaluate.load_examples", small_examples)
    monkeypatch.setattr("experiments.baselines.load_examples", small_examples)
