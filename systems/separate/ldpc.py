"""LDPC of 5G: encoder and decoder of one block size."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from systems.separate import sionna_blocks as sionna
from systems.separate.channel_codes import BlockCode

# 20 iterations, which is what Sionna's decoder does; it has no stop of its own.
_ITERATIONS_PER_ATTEMPT, _ATTEMPTS = 2, 10


class LdpcCode(BlockCode):
    """LDPC of 5G with its rate matching and bit interleaver, decoded by belief propagation.

    Args:
        num_bits: Information bits of a block (k), 12 to 8448.
        num_coded_bits: Coded bits of a block (n), a multiple of bits_per_symbol; k / n is 1/5 to 0.92.
        bits_per_symbol: Coded bits of a symbol, for the bit interleaver.

    Source: 3GPP TS 38.212, 5.3.2 and 5.4.2.
    """

    num_attempts = _ATTEMPTS

    def __init__(self, num_bits: int, num_coded_bits: int, bits_per_symbol: int) -> None:
        self._encoder = sionna.LDPC5GEncoder(
            num_bits,
            num_coded_bits,
            num_bits_per_symbol=bits_per_symbol,
            precision="single",
            device=sionna.DEVICE,
        )

    @cached_property
    def _decoder(self) -> Any:
        """Built when it is first needed, which at a transmitter is never."""
        return sionna.LDPC5GDecoder(
            self._encoder,
            num_iter=_ITERATIONS_PER_ATTEMPT,
            return_state=True,
            precision="single",
            device=sionna.DEVICE,
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
