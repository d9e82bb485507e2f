"""Batches made ahead come in order, each once, and never run far ahead of their use."""

from __future__ import annotations

import time

import pytest

from experiments.training.prefetch import made_ahead


@pytest.mark.parametrize("num_ahead", [0, 1, 3])
def test_everything_comes_once_and_in_order(num_ahead: int) -> None:
    def slowest_first(number: int) -> int:
        time.sleep(0.01 if number % 3 == 0 else 0.0)
        return number * number

    made = list(made_ahead(iter(range(20)), slowest_first, num_ahead))
    assert made == [(number, number * number) for number in range(20)]


@pytest.mark.parametrize("num_ahead", [0, 2])
def test_no_more_is_made_than_asked_for(num_ahead: int) -> None:
    started: list[int] = []
    values = made_ahead(iter(range(100)), started.append, num_ahead)
    next(values)
    next(values)
    values.close()
    assert len(started) <= 2 + num_ahead


@pytest.mark.parametrize("num_ahead", [0, 2])
def test_an_error_reaches_whoever_takes(num_ahead: int) -> None:
    values = made_ahead(iter([1, 0, 2]), lambda number: 1 // number, num_ahead)
    assert next(values) == (1, 1)
    with pytest.raises(ZeroDivisionError):
        next(values)
