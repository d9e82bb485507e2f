"""Random generators: every draw is a function of (seed, frame number, substream). Uses NumPy only."""

from __future__ import annotations

import threading
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex64]


class Substream(IntEnum):
    """Independent random streams of one frame. DOPPLER is drawn for frame 0 and used for all frames."""

    NOISE = 0
    GAINS = 1
    PILOT_NOISE = 2
    CSI_ERROR = 3
    NETWORK = 4
    DOPPLER = 5


class _ThreadGenerators(threading.local):
    """The generators of one thread, one for each substream."""

    def __init__(self) -> None:
        self.generators = {substream: np.random.Generator(np.random.Philox()) for substream in Substream}


_THREAD_GENERATORS = _ThreadGenerators()
# State of the buffer of a Philox generator that has drawn nothing yet.
_EMPTY_BUFFER = {"buffer": (0, 0, 0, 0), "buffer_pos": 4, "has_uint32": 0, "uinteger": 0}
# CN(0, 1) has half of its power in each real dimension.
_STANDARD_DEVIATION = np.float32(np.sqrt(0.5))
_REAL, _COMPLEX = np.dtype(np.float32), np.dtype(np.complex64)


def generator(seed: int, frame_number: int, substream: Substream) -> np.random.Generator:
    """The random generator of one substream of one frame.

    It is a Philox generator with key = (seed, frame number). The substream is the highest word of its
    counter, so two substreams overlap only after 2^192 draws.

    Each thread has one generator for each substream and resets it here, because to create a generator takes
    longer than to draw a short frame. So finish all draws from a generator before you call this function
    again for the same substream.

    Args:
        seed: Seed of the link, uint64.
        frame_number: Number of the frame, uint64.
        substream: The substream.
    """
    rng = _THREAD_GENERATORS.generators[substream]
    rng.bit_generator.state = {
        "bit_generator": "Philox",
        "state": {"counter": (0, 0, 0, substream), "key": (seed, frame_number)},
        **_EMPTY_BUFFER,
    }
    return rng


def complex_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Complex:
    """Draw CN(0, 1), with half of the power in each real dimension; complex64, of the given shape."""
    reals = rng.standard_normal((*shape[:-1], 2 * shape[-1]), _REAL)
    reals *= _STANDARD_DEVIATION
    return reals.view(_COMPLEX)
