"""The few numbers that measurements are summed up by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def percentile(values: Sequence[float], percent: float) -> float:
    """A percentile, interpolated between neighbours as NumPy does it.

    Args:
        values: At least one.
        percent: 0 to 100.
    """
    return float(np.percentile(np.asarray(values), percent))


@dataclass(frozen=True)
class Line:
    """A straight line through points, by least squares.

    Attributes:
        slope: Of the line.
        slope_error: Standard error of the slope; 0 where the points leave none to estimate.
        start: Value at x = 0.
    """

    slope: float
    slope_error: float
    start: float


def fit_line(x: Sequence[float], y: Sequence[float]) -> Line:
    """The line that is nearest to points in y.

    slope = sum (x - mean x)(y - mean y) / sum (x - mean x)^2

    Args:
        x: At least two different values.
        y: As many.

    Raises:
        ValueError: If the x do not differ.
    """
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    deviations = xs - xs.mean()
    spread = float(deviations @ deviations)
    if spread == 0:
        raise ValueError(f"a line through {len(xs)} points needs two different x")
    slope = float(deviations @ (ys - ys.mean())) / spread
    start = float(ys.mean() - slope * xs.mean())
    rest = ys - (start + slope * xs)
    freedom = len(xs) - 2
    error = float(np.sqrt(rest @ rest / freedom / spread)) if freedom > 0 else 0.0
    return Line(slope, error, start)
