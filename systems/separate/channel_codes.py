"""What the two channel codes have in common, both by Sionna: LDPC of 5G and Turbo of LTE.

Blocks of a frame have the same size and are encoded and decoded together. A decoder works in several
attempts. After each of them the blocks whose CRC is right are done, and only the others go on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

CodeName = Literal["ldpc", "turbo"]


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
            number: Counts the attempts, from 0.
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
