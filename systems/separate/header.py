"""The header of a frame: what the far end must know before it can read the payload.

3 bytes: length of the payload | 1 byte: code and MCS | 1 byte: codec of the source | CRC of 16 bits

These 56 bits are coded at rate 1/5, sent as 140 QPSK symbols in front of the payload, and counted like all
others. That is more robust than any payload: QPSK at rate 1/3 needs a higher SNR. A lost header is an outage.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from shared.errors import InvalidField
from systems.separate.blocks import MAX_PAYLOAD_BYTES, bits_from_bytes, bytes_from_bits
from systems.separate.channel_codes import CodeName
from systems.separate.crc import CRC_BITS, Crc
from systems.separate.ldpc import LdpcCode
from systems.separate.mcs import MCS_BY_NUMBER, Mcs

HEADER_BITS_PER_SYMBOL = 2
HEADER_SYMBOLS = 140
HEADER_CODED_BITS = HEADER_BITS_PER_SYMBOL * HEADER_SYMBOLS
_HEADER_BYTES = 5
_TURBO_FLAG = 0x80


@dataclass(frozen=True)
class Header:
    """What a frame says of its payload.

    Attributes:
        payload_bytes: Its length, 1 to MAX_PAYLOAD_BYTES.
        mcs: Modulation and code rate.
        code: ldpc or turbo.
        codec: Number of the source codec, 0 to 255; the header only carries it.

    Raises:
        InvalidField: If a field is out of its range.
    """

    payload_bytes: int
    mcs: Mcs
    code: CodeName
    codec: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.payload_bytes <= MAX_PAYLOAD_BYTES:
            raise InvalidField("payload_bytes", self.payload_bytes, f"1 to {MAX_PAYLOAD_BYTES}")
        if not 0 <= self.codec <= 255:
            raise InvalidField("codec", self.codec, "0 to 255")


@torch.inference_mode()
def encode_header(header: Header) -> Tensor:
    """Coded bits of the header, float32, shape [HEADER_CODED_BITS]."""
    scheme = header.mcs.number | (_TURBO_FLAG if header.code == "turbo" else 0)
    data = header.payload_bytes.to_bytes(3, "big") + bytes([scheme, header.codec])
    crc, code = _tools()
    bits: Tensor = code.encode(crc.attach(bits_from_bytes(data)[None]))[0]
    return bits


@torch.inference_mode()
def decode_headers(llrs: Tensor) -> list[Header | None]:
    """Headers, each None where its CRC is wrong or it names what does not exist.

    Args:
        llrs: ln p(1) / p(0) of the coded bits, float32, shape [num_headers, HEADER_CODED_BITS].
    """
    crc, code = _tools()
    bits, right = code.decode(llrs, crc.is_right)
    return [_parse(row) if whole else None for row, whole in zip(bits, right.tolist(), strict=True)]


def _parse(bits: Tensor) -> Header | None:
    """The header of bits whose CRC is right, or None where it names what does not exist."""
    *length, scheme, codec = bytes_from_bits(bits[: 8 * _HEADER_BYTES])
    payload_bytes = int.from_bytes(length, "big")
    mcs = MCS_BY_NUMBER.get(scheme & ~_TURBO_FLAG)
    if mcs is None or not payload_bytes:
        return None
    return Header(payload_bytes, mcs, "turbo" if scheme & _TURBO_FLAG else "ldpc", codec)


@cache
def _tools() -> tuple[Crc, LdpcCode]:
    num_bits = 8 * _HEADER_BYTES
    code = LdpcCode(num_bits + CRC_BITS["CRC16"], HEADER_CODED_BITS, HEADER_BITS_PER_SYMBOL)
    return Crc("CRC16", num_bits), code
