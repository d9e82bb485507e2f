"""Cyclic redundancy checks: the far end's proof that a block came across unharmed."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from systems.separate import sionna_blocks as sionna

CrcName = Literal["CRC24B", "CRC16"]
CRC_BITS: dict[CrcName, int] = {"CRC24B": 24, "CRC16": 16}


class Crc:
    """Adds and checks a CRC at one length.

    The check bits are sent inverted. Otherwise a block of zeros would pass, which is a word of every linear
    code and what a decoder without any information may answer.

    Args:
        name: Polynomial, as 3GPP names it.
        num_bits: Bits that it protects.

    Source: 3GPP TS 38.212, 5.1; 36.212, 5.3.1.1 inverts check bits the same way (a mask of ones).
    """

    def __init__(self, name: CrcName, num_bits: int) -> None:
        self._length = CRC_BITS[name]
        self._encoder = sionna.CRCEncoder(name, k=num_bits, precision="single", device=sionna.DEVICE)
        self._decoder = sionna.CRCDecoder(self._encoder, precision="single", device=sionna.DEVICE)

    def attach(self, bits: Tensor) -> Tensor:
        """Bits with their check bits: float32 [num_blocks, num_bits] to [num_blocks, num_bits + CRC_BITS]."""
        return self._invert(self._encoder(bits))

    def is_right(self, bits: Tensor) -> Tensor:
        """True for each block whose check bits fit.

        Args:
            bits: As `attach` returns them, float32, shape [num_blocks, num_bits + CRC_BITS].

        Returns:
            bool, shape [num_blocks].
        """
        _, valid = self._decoder(self._invert(bits))
        right: Tensor = valid.squeeze(-1)
        return right

    def _invert(self, bits: Tensor) -> Tensor:
        return torch.cat([bits[:, : -self._length], 1 - bits[:, -self._length :]], dim=1)
