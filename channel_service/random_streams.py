"""The random sources: every draw is a function of (seed, frame number, substream). NumPy only."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex64]


class Substream(IntEnum):
    """Independent random streams of one frame; DOPPLER's is that of the seed, shared by all its frames."""

    NOISE = 0
    GAINS = 1
    PILOT_NOISE = 2
    CSI_ERROR = 3
    NETWORK = 4
    DOPPLER = 5


def generator(seed: int, frame_number: int, substream: Substream) -> np.random.Generator:
    """The random source of one substream of one frame.

    Philox with key = (seed, frame number), both uint64; the substream is the highest word of its counter, so
    that streams of 2^192 draws never meet.
    """
    key = np.array([seed, frame_number], dtype=np.uint64)
    counter = np.array([0, 0, 0, substream], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def complex_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Complex:
    """CN(0, 1): half the power in each real dimension; complex64 of the given shape."""
    reals = rng.standard_normal((*shape, 2), dtype=np.float32)
    reals *= np.float32(np.sqrt(0.5))
    return reals.view(np.complex64)[..., 0]
