"""What several tests measure of gains and noise."""

import numpy as np


def mean_power(x: np.ndarray) -> float:
    """E|x|^2 over all elements."""
    return float(np.mean(np.abs(x) ** 2))
