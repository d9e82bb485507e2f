"""Payload bytes to coded blocks and back.

bytes ─▶ segmentation ─▶ CRC of each block ─▶ LDPC or Turbo code, rate matching ─▶ coded bits

All blocks of a frame have one size. Sizes come from a coarse grid, so that few codes are built; what is left
over at the end of the last block is filled with zeros.

Source: 3GPP TS 38.212, 5.2.2, and 36.212, 5.1.2; there the fill bits are not sent, and sizes are finer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
import torch
from torch import Tensor

from systems.separate.channel_codes import BlockCode, CodeName
from systems.separate.crc import CRC_BITS, Crc, CrcName
from systems.separate.ldpc import LdpcCode
from systems.separate.mcs import Mcs
from systems.separate.turbo import TurboCode

MAX_PAYLOAD_BYTES = 2**24 - 1
_CRC: CrcName = "CRC24B"
_CACHED_SIZES = 128
# Two seconds of speech; belief propagation takes some 100 bytes of working memory for each.
_CODED_BITS_AT_A_TIME = 2**20
_MIN_BLOCK_BITS = 40
# 8448 is 5G's largest block. LTE's is 6144, but a Turbo decoder's time grows with the length of a block and
# hardly with the number of blocks: 1024 bits take 0.3 s an iteration on one core.
_MAX_BLOCK_BITS: dict[CodeName, int] = {"ldpc": 8448, "turbo": 1024}


BlockSize = tuple[CodeName, int, int, int]
"""What a block's code depends on: code, information bits, coded bits, and bits of a symbol."""


@dataclass(frozen=True)
class Layout:
    """How a payload is cut into blocks; both ends work it out from the frame's header.

    Attributes:
        payload_bytes: Length of the payload.
        code: ldpc or turbo.
        mcs: Modulation and code rate.
        num_blocks: Blocks of the payload.
        block_bits: Information bits of a block, its CRC included.
        coded_block_bits: Coded bits of a block, a multiple of the bits of a symbol.
    """

    payload_bytes: int
    code: CodeName
    mcs: Mcs
    num_blocks: int
    block_bits: int
    coded_block_bits: int

    @property
    def size(self) -> BlockSize:
        """What a block's code depends on."""
        return self.code, self.block_bits, self.coded_block_bits, self.mcs.bits_per_symbol

    @property
    def num_symbols(self) -> int:
        """Complex symbols of all blocks."""
        return self.num_blocks * self.coded_block_bits // self.mcs.bits_per_symbol


def lay_out(payload_bytes: int, code: CodeName, mcs: Mcs) -> Layout:
    """Cut a payload of that length into the fewest blocks, all of one size.

    Args:
        payload_bytes: 1 to MAX_PAYLOAD_BYTES.
        code: ldpc or turbo.
        mcs: Modulation and code rate.
    """
    payload_bits, crc_bits = 8 * payload_bytes, CRC_BITS[_CRC]
    num_blocks = ceil(payload_bits / (_MAX_BLOCK_BITS[code] - crc_bits))
    block_bits = _round_up(ceil(payload_bits / num_blocks) + crc_bits)
    num_symbols = ceil(block_bits / mcs.code_rate / mcs.bits_per_symbol)
    return Layout(payload_bytes, code, mcs, num_blocks, block_bits, num_symbols * mcs.bits_per_symbol)


def _round_up(block_bits: int) -> int:
    """The next size of the grid: steps of at most 1/32, which table 5.1.3-3 of TS 36.212 holds up to 6144."""
    step = max(8, 1 << max(0, (block_bits - 1).bit_length() - 6))
    return max(_MIN_BLOCK_BITS, step * ceil(block_bits / step))


@torch.inference_mode()
def encode_blocks(payload: bytes, layout: Layout) -> Tensor:
    """Coded bits of a payload.

    Args:
        payload: `layout.payload_bytes` bytes.
        layout: As `lay_out` returns it.

    Returns:
        float32, shape [num_blocks * coded_block_bits].
    """
    crc, code = _tools(layout.size)
    bits = torch.zeros(layout.num_blocks * (layout.block_bits - CRC_BITS[_CRC]))
    bits[: 8 * len(payload)] = bits_from_bytes(payload)
    return code.encode(crc.attach(bits.reshape(layout.num_blocks, -1))).flatten()


@torch.inference_mode()
def decode_blocks(llrs: Tensor, layout: Layout) -> tuple[bytes | None, int]:
    """The payload, if every block came across; see `decode_payloads`."""
    (decoded,) = decode_payloads([llrs], [layout])
    return decoded


@torch.inference_mode()
def decode_payloads(llrs: Sequence[Tensor], layouts: Sequence[Layout]) -> list[tuple[bytes | None, int]]:
    """Several payloads; blocks of one size are decoded together, whichever payload they belong to.

    Args:
        llrs: For each payload ln p(1) / p(0) of its coded bits, float32, shape
            [num_blocks * coded_block_bits].
        layouts: For each payload the transmitter's.

    Returns:
        For each the payload, or None where the CRC of a block is wrong; and the number of blocks in error.
    """
    decoded: dict[int, tuple[bytes | None, int]] = {}
    of_size: dict[BlockSize, list[int]] = {}
    for number, layout in enumerate(layouts):
        of_size.setdefault(layout.size, []).append(number)
    for size, numbers in of_size.items():
        rows = [llrs[number].reshape(layouts[number].num_blocks, -1) for number in numbers]
        counts = [len(blocks) for blocks in rows]
        bits, right = _decode_rows(torch.cat(rows), size)
        for number, payload_bits, payload_right in zip(
            numbers, torch.split(bits, counts), torch.split(right, counts), strict=True
        ):
            decoded[number] = _join(payload_bits, payload_right, layouts[number])
    return [decoded[number] for number in range(len(layouts))]


def _decode_rows(rows: Tensor, size: BlockSize) -> tuple[Tensor, Tensor]:
    """Bits of blocks of one size, and which are right, in parts that fit into memory."""
    crc, code = _tools(size)
    parts = torch.split(rows, max(1, _CODED_BITS_AT_A_TIME // rows.shape[1]))
    decoded = [code.decode(part, crc.is_right) for part in parts]
    return torch.cat([bits for bits, _ in decoded]), torch.cat([right for _, right in decoded])


def _join(blocks: Tensor, right: Tensor, layout: Layout) -> tuple[bytes | None, int]:
    """The payload of its decoded blocks, and how many of them are in error."""
    blocks_in_error = len(right) - int(right.sum())
    if blocks_in_error:
        return None, blocks_in_error
    bits = blocks[:, : -CRC_BITS[_CRC]].flatten()
    return bytes_from_bits(bits[: 8 * layout.payload_bytes]), 0


@lru_cache(_CACHED_SIZES)
def _tools(size: BlockSize) -> tuple[Crc, BlockCode]:
    """The CRC and the code for blocks of that size, built when they are first asked for."""
    name, block_bits, coded_block_bits, bits_per_symbol = size
    crc = Crc(_CRC, block_bits - CRC_BITS[_CRC])
    if name == "turbo":
        return crc, TurboCode(block_bits, coded_block_bits)
    return crc, LdpcCode(block_bits, coded_block_bits, bits_per_symbol)


def bits_from_bytes(data: bytes) -> Tensor:
    """The bits of some bytes, the most significant first, float32, shape [8 * len(data)]."""
    return torch.from_numpy(np.unpackbits(np.frombuffer(data, np.uint8)).astype(np.float32))


def bytes_from_bits(bits: Tensor) -> bytes:
    """What `bits_from_bytes` was given; the number of bits is a multiple of 8."""
    return np.packbits(bits.numpy().astype(np.uint8)).tobytes()
