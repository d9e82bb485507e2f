"""The two channel codes, by Sionna: LDPC of 5G and Turbo of LTE, behind one interface.

Blocks of a frame have the same size and are encoded and decoded together. A decoder works in several
attempts. After each of them the blocks whose CRC is right are done, and only the others go on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from systems.separate.sionna_blocks import (
    DEVICE,
    LDPC5GDecoder,
    LDPC5GEncoder,
    TurboDecoder,
    TurboEncoder,
)

CodeName = Literal["ldpc", "turbo"]

# 20 iterations, which is what Sionna's decoder does; it has no stop of its own.
_LDPC_ITERATIONS_PER_ATTEMPT, _LDPC_ATTEMPTS = 2, 10
# Sionna's Turbo decoder cannot go on where it stopped, so that the second attempt repeats the first.
_TURBO_ITERATIONS = (2, 8)


class BlockCode(ABC):
    """A code for blocks of one size.

    Attributes:
        num_attempts: How often a block is tried at most.
    """

    num_attempts: int

    @abstractmethod
    def encode(self, bits: Tensor) -> Tensor:
        """Information bits to coded bits, float32 [num_blocks, k] to [num_blocks, n]."""

    @abstractmethod
    def attempt(self, number: int, llrs: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Try to decode.

        Args:
            number: Of the attempt, from 0.
            llrs: ln p(1) / p(0), float32, shape [num_blocks, n].
            state: As the attempt before returned it, for the same blocks; None for the first attempt.

        Returns:
            Information bits, float32 [num_blocks, k], and the state, with num_blocks rows.
        """

    @torch.inference_mode()
    def decode(self, llrs: Tensor, is_right: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Decode blocks until each is right or has had every attempt.

        Args:
            llrs: ln p(1) / p(0), float32, shape [num_blocks, n].
            is_right: Tells for bits [some_blocks, k] which blocks are right, bool [some_blocks].

        Returns:
            Information bits, float32 [num_blocks, k], and which blocks are right, bool [num_blocks].
        """
        open_blocks = torch.arange(len(llrs))
        state: Tensor | None = None
        for number in range(self.num_attempts):
            found, state = self.attempt(number, llrs[open_blocks], state)
            if number == 0:
                bits, right = found.clone(), torch.zeros(len(llrs), dtype=torch.bool)
            bits[open_blocks], right[open_blocks] = found, is_right(found)
            still_open = ~right[open_blocks]
            open_blocks, state = open_blocks[still_open], state[still_open]
            if not len(open_blocks):
                break
        return bits, right


class LdpcCode(BlockCode):
    """LDPC of 5G with its rate matching and bit interleaver, decoded by belief propagation.

    Args:
        num_bits: Information bits of a block (k), 12 to 8448.
        num_coded_bits: Coded bits of a block (n), a multiple of bits_per_symbol; k / n is 1/5 to 0.92.
        bits_per_symbol: Of the modulation, for the bit interleaver.

    Source: 3GPP TS 38.212, 5.3.2 and 5.4.2.
    """

    num_attempts = _LDPC_ATTEMPTS

    def __init__(self, num_bits: int, num_coded_bits: int, bits_per_symbol: int) -> None:
        self._encoder = LDPC5GEncoder(
            num_bits, num_coded_bits, num_bits_per_symbol=bits_per_symbol, precision="single", device=DEVICE
        )

    @cached_property
    def _decoder(self) -> Any:
        """Built when it is first needed, which at a transmitter is never."""
        return LDPC5GDecoder(
            self._encoder,
            num_iter=_LDPC_ITERATIONS_PER_ATTEMPT,
            return_state=True,
            precision="single",
            device=DEVICE,
        )

    @torch.inference_mode()
    def encode(self, bits: Tensor) -> Tensor:
        """See `BlockCode.encode`."""
        coded: Tensor = self._encoder(bits)
        return coded

    def attempt(self, number: int, llrs: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """See `BlockCode.attempt`; it goes on with the messages that the attempt before left on the graph."""
        bits: Tensor
        messages: Tensor
        bits, messages = self._decoder(llrs, msg_v2c=state)
        return bits, messages


class TurboCode(BlockCode):
    """Turbo code of LTE with its rate matching, decoded by the BCJR algorithm.

    Args:
        num_bits: Information bits of a block (k), a size of 3GPP TS 36.212, table 5.1.3-3.
        num_coded_bits: Coded bits of a block (n), at most 3 k + 12.

    Source: 3GPP TS 36.212, 5.1.3.2 (code) and 5.1.4.1 (rate matching).
    """

    num_attempts = len(_TURBO_ITERATIONS)

    def __init__(self, num_bits: int, num_coded_bits: int) -> None:
        self._encoder = TurboEncoder(
            rate=1 / 3, constraint_length=4, terminate=True, precision="single", device=DEVICE
        )
        self._decoders = [
            TurboDecoder(self._encoder, num_iter=iterations, precision="single", device=DEVICE)
            for iterations in _TURBO_ITERATIONS
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
