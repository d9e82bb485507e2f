"""A digital frame: payload bytes to complex symbols, and received symbols to the payload or an outage.

header ─▶ LDPC, rate 1/5 ────────▶ QPSK ──┐
payload ─▶ blocks ─▶ LDPC, Turbo ─▶ QAM ──┴─▶ symbols ─▶ channel, zero-forcing equaliser ─▶ the same way back

Several frames may stand one after the other in one row of symbols: `ReceivedFrame.num_symbols` says where the
next one begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from shared.coding.blocks import decode_blocks, encode_blocks, lay_out
from shared.coding.codes import CodeName
from shared.coding.mcs import Mcs
from shared.coding.modem import demodulate, modulate
from shared.coding.signalling import (
    HEADER_BITS_PER_SYMBOL,
    HEADER_CODED_BITS,
    HEADER_SYMBOLS,
    Header,
    decode_header,
    encode_header,
)


@dataclass(frozen=True)
class Cost:
    """What a frame takes of the channel.

    Attributes:
        num_symbols: Complex symbols, those of the header included.
        num_blocks: Blocks of the payload.
        information_bits: Bits of the payload; neither CRC nor fill bits nor the header are information.
        coded_bits: Bits that the symbols carry, those of the header included.
        code_rate: information_bits / coded_bits; below the rate of the MCS, most of all for a short payload.
    """

    num_symbols: int
    num_blocks: int
    information_bits: int
    coded_bits: int

    @property
    def code_rate(self) -> float:
        """Information bits for each coded bit."""
        return self.information_bits / self.coded_bits


@dataclass(frozen=True)
class ReceivedFrame:
    """What the far end read.

    Attributes:
        payload: As sent, or None for an outage.
        blocks_in_error: Blocks whose CRC is wrong.
        header: As sent, or None where it was lost (or there are fewer symbols than it asks for), and with it
            everything else.
        cost: Of the frame; None where the header was lost.
        num_symbols: Symbols of the frame; all that there are where the header was lost.
    """

    payload: bytes | None
    blocks_in_error: int
    header: Header | None
    cost: Cost | None
    num_symbols: int


def cost_of(header: Header) -> Cost:
    """What a frame with that header costs, without encoding it."""
    layout = lay_out(header.payload_bytes, header.code, header.mcs)
    return Cost(
        num_symbols=HEADER_SYMBOLS + layout.num_symbols,
        num_blocks=layout.num_blocks,
        information_bits=8 * header.payload_bytes,
        coded_bits=HEADER_CODED_BITS + layout.num_blocks * layout.coded_block_bits,
    )


@torch.inference_mode()
def encode_frame(payload: bytes, mcs: Mcs, code: CodeName, codec: int = 0) -> NDArray[np.complex64]:
    """Symbols of a frame.

    Args:
        payload: 1 to MAX_PAYLOAD_BYTES bytes.
        mcs: Modulation and code rate of the payload.
        code: ldpc or turbo.
        codec: Of the source, 0 to 255, carried in the header.

    Returns:
        complex64, shape [num_symbols], of unit expected power: the mean power of one 16-QAM or 64-QAM frame
        varies around one, the less the longer it is.

    Raises:
        InvalidField: If the payload is empty or too long, or `codec` is out of its range.
    """
    header = Header(len(payload), mcs, code, codec)
    bits = encode_blocks(payload, lay_out(len(payload), code, mcs))
    symbols = [
        modulate(encode_header(header), HEADER_BITS_PER_SYMBOL),
        modulate(bits, mcs.bits_per_symbol),
    ]
    sent: NDArray[np.complex64] = torch.cat(symbols).numpy()
    return sent


@torch.inference_mode()
def decode_frame(symbols: NDArray[np.complexfloating], noise_variance: ArrayLike) -> ReceivedFrame:
    """Read a frame; whatever the symbols are, the outcome is the payload or an outage.

    Args:
        symbols: Estimates of an unbiased (zero-forcing) equaliser, complex, shape [num_symbols or more].
        noise_variance: Of each estimate [linear], sigma^2 / |h|^2, shape [num_symbols or more] or a scalar.
    """
    x_hat = torch.from_numpy(np.asarray(symbols, dtype=np.complex64))
    variance = torch.as_tensor(np.asarray(noise_variance, dtype=np.float32)).expand(len(x_hat))
    lost = ReceivedFrame(None, 0, None, None, len(x_hat))
    if len(x_hat) < HEADER_SYMBOLS:
        return lost
    head = slice(HEADER_SYMBOLS)
    header = decode_header(demodulate(x_hat[head], variance[head], HEADER_BITS_PER_SYMBOL))
    if header is None:
        return lost
    cost = cost_of(header)
    if cost.num_symbols > len(x_hat):
        return lost
    body = slice(HEADER_SYMBOLS, cost.num_symbols)
    llrs = demodulate(x_hat[body], variance[body], header.mcs.bits_per_symbol)
    layout = lay_out(header.payload_bytes, header.code, header.mcs)
    payload, blocks_in_error = decode_blocks(llrs, layout)
    return ReceivedFrame(payload, blocks_in_error, header, cost, cost.num_symbols)
