"""The random sources: every draw is a function of (seed, frame number, substream). NumPy only."""

from __future__ import annotations

import threading
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


class _Kept(threading.local):
    """The generators of one thread."""

    def __init__(self) -> None:
        self.generators = {substream: np.random.Generator(np.random.Philox()) for substream in Substream}


_KEPT = _Kept()
# Of a Philox that has drawn nothing yet.
_EMPTY_BUFFER = {"buffer": (0, 0, 0, 0), "buffer_pos": 4, "has_uint32": 0, "uinteger": 0}
# CN(0, 1) has half its power in each real dimension.
_DEVIATION_A_REAL = np.float32(np.sqrt(0.5))
_REAL, _COMPLEX = np.dtype(np.float32), np.dtype(np.complex64)


def generator(seed: int, frame_number: int, substream: Substream) -> np.random.Generator:
    """The random source of one substream of one frame.

    Philox with key = (seed, frame number), both uint64; the substream is the highest word of its counter, so
    that streams of 2^192 draws never meet. A thread keeps one generator a substream, for making one takes
    longer than drawing a short frame, and sets it anew: use it up before the next frame's is asked for.
    """
    rng = _KEPT.generators[substream]
    rng.bit_generator.state = {
        "bit_generator": "Philox",
        "state": {"counter": (0, 0, 0, substream), "key": (seed, frame_number)},
        **_EMPTY_BUFFER,
    }
    return rng


def complex_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Complex:
    """CN(0, 1): half the power in each real dimension; complex64 of the given shape."""
    reals = rng.standard_normal((*shape[:-1], 2 * shape[-1]), _REAL)
    reals *= _DEVIATION_A_REAL
    return reals.view(_COMPLEX)
