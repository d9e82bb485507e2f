"""Turbo code of LTE: encoder and decoder of one block size, and the rate matching between them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from systems.separate import sionna_blocks as sionna
from systems.separate.channel_codes import BlockCode

# Sionna's Turbo decoder cannot go on where it stopped, so that the second attempt repeats the first.
_ITERATIONS = (2, 8)


class TurboCode(BlockCode):
    """Turbo code of LTE with its rate matching, decoded by the BCJR algorithm.

    Args:
        num_bits: Information bits of a block (k), a size of 3GPP TS 36.212, table 5.1.3-3.
        num_coded_bits: Coded bits of a block (n), at most 3 k + 12.

    Source: 3GPP TS 36.212, 5.1.3.2 (code) and 5.1.4.1 (rate matching).
    """

    num_attempts = len(_ITERATIONS)

    def __init__(self, num_bits: int, num_coded_bits: int) -> None:
        self._encoder = sionna.TurboEncoder(
            rate=1 / 3, constraint_length=4, terminate=True, precision="single", device=sionna.DEVICE
        )
        self._decoders = [
            sionna.TurboDecoder(self._encoder, num_iter=iterations, precision="single", device=sionna.DEVICE)
            for iterations in _ITERATIONS
        ]
        order = turbo_rate_matching(num_bits + 4)
        self._num_mother_bits = len(order)
        self._sent = torch.from_numpy(order[:num_coded_bits])

    @torch.inference_mode()
    def encode(self, bits: Tensor) -> Tensor:
        """See `BlockCode.encode`."""
        coded: Tensor = self._encoder(bits)[:, self._sent]
        return coded

    def attempt(self, number: int, llrs: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `BlockCode.attempt`; it begins anew with more iterations, and has no state."""
        mother = torch.zeros(len(llrs), self._num_mother_bits)
        mother[:, self._sent] = llrs
        return self._decoders[number](mother), llrs.new_empty(len(llrs), 0)


def turbo_rate_matching(num_rows: int) -> NDArray[np.int64]:
    """The order in which the bits of a rate 1/3 Turbo code word are sent.

    A frame takes the first n of them, which are mostly information bits, then parity bits spread evenly.

    Args:
        num_rows: D, bits of each of the three streams, the four of the termination included.

    Returns:
        Places in the code word [d0(0), d1(0), d2(0), d0(1), ...], shape [3 * num_rows].

    Source: 3GPP TS 36.212, 5.1.4.1.1 and 5.1.4.1.2, redundancy version 0 without a limit on the soft buffer.
    """
    column_order = np.array([int(f"{column:05b}"[::-1], 2) for column in range(32)])  # table 5.1.4-1
    height = -(-num_rows // 32)
    size = 32 * height
    padding = size - num_rows  # in front of each stream, and never sent
    k = np.arange(size)
    place = column_order[k // height] + 32 * (k % height) - padding
    place_2 = (place + padding + 1) % size - padding
    interleaved = [
        np.where(places < 0, -1, 3 * places + stream) for stream, places in enumerate((place, place, place_2))
    ]
    buffer = np.concatenate([interleaved[0], np.stack(interleaved[1:], axis=1).ravel()])
    buffer = np.roll(buffer, -2 * height)
    return buffer[buffer >= 0]
