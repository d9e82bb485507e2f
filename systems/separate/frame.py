"""A digital frame: payload bytes to complex symbols, and received symbols to the payload or an outage.

header ─▶ LDPC, rate 1/5 ────────▶ QPSK ──┐
payload ─▶ blocks ─▶ LDPC, Turbo ─▶ QAM ──┴─▶ symbols ─▶ channel, zero-forcing equaliser ─▶ the same way back

Several frames may stand one after the other in one row of symbols: `DecodedFrame.num_symbols` says where the
next one begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from systems.separate.blocks import decode_payloads, encode_blocks, lay_out
from systems.separate.channel_codes import CodeName
from systems.separate.header import (
    HEADER_BITS_PER_SYMBOL,
    HEADER_CODED_BITS,
    HEADER_SYMBOLS,
    Header,
    decode_headers,
    encode_header,
)
from systems.separate.mcs import MCS, Mcs
from systems.separate.qam import demodulate, modulate


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
class DecodedFrame:
    """What the far end read.

    Attributes:
        payload: As sent, or None for an outage.
        blocks_in_error: Blocks whose CRC is wrong.
        header: As sent, or None where it was lost (or there are fewer symbols than it asks for), and with it
            everything else.
        cost: What the frame takes of the channel; None where the header was lost.
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
        codec: Number of the source codec, 0 to 255, carried in the header.

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


def warm_up() -> None:
    """Send a byte through each code and scheme, so that what is built once is there before a client is."""
    for mcs, code in product(MCS.values(), get_args(CodeName)):
        decode_frame(encode_frame(b"0", mcs, code), 0.1)


def decode_frame(symbols: NDArray[np.complexfloating], noise_variance: ArrayLike) -> DecodedFrame:
    """Read a frame; see `decode_frames`.

    Args:
        symbols: As there.
        noise_variance: Noise of each estimate [linear], shape [num_symbols or more] or a scalar.
    """
    (read,) = decode_frames([symbols], [noise_variance])
    return read


@torch.inference_mode()
def decode_frames(
    symbols: Sequence[NDArray[np.complexfloating]], noise_variances: Sequence[ArrayLike]
) -> list[DecodedFrame]:
    """Read frames together; whatever the symbols are, the outcome of each is the payload or an outage.

    A code's time grows slowly with the number of blocks that are decoded in one call, so the headers of all
    frames are decoded in one, and so are the blocks of each size. Without its header a frame takes no more.

    Args:
        symbols: For each frame estimates of an unbiased (zero-forcing) equaliser, complex, shape
            [num_symbols or more].
        noise_variances: For each frame that of each estimate [linear], sigma^2 / |h|^2, shape
            [num_symbols or more] or a scalar.
    """
    bodies = [_as_tensors(*frame) for frame in zip(symbols, noise_variances, strict=True)]
    headers = _read_headers(bodies)
    costs = {number: cost_of(header) for number, header in headers.items()}
    whole = {number: cost for number, cost in costs.items() if cost.num_symbols <= len(bodies[number][0])}
    llrs = [_body_llrs(bodies[number], headers[number], cost) for number, cost in whole.items()]
    layouts = [
        lay_out(header.payload_bytes, header.code, header.mcs)
        for header in (headers[number] for number in whole)
    ]
    read = {
        number: DecodedFrame(*payload, headers[number], whole[number], whole[number].num_symbols)
        for number, payload in zip(whole, decode_payloads(llrs, layouts), strict=True)
    }
    return [
        read.get(number, DecodedFrame(None, 0, None, None, len(x_hat)))
        for number, (x_hat, _) in enumerate(bodies)
    ]


def _as_tensors(symbols: NDArray[np.complexfloating], noise_variance: ArrayLike) -> tuple[Tensor, Tensor]:
    """Estimates, complex64, and the noise variance of each, float32, both of shape [num_symbols]."""
    x_hat = torch.tensor(np.asarray(symbols), dtype=torch.complex64)
    return x_hat, torch.tensor(np.asarray(noise_variance), dtype=torch.float32).expand(len(x_hat))


def _read_headers(frames: Sequence[tuple[Tensor, Tensor]]) -> dict[int, Header]:
    """The headers that came across, by the number of the frame."""
    numbers = [number for number, (x_hat, _) in enumerate(frames) if len(x_hat) >= HEADER_SYMBOLS]
    if not numbers:
        return {}
    head = slice(HEADER_SYMBOLS)
    llrs = [
        demodulate(x_hat[head], variance[head], HEADER_BITS_PER_SYMBOL)
        for x_hat, variance in (frames[number] for number in numbers)
    ]
    headers = decode_headers(torch.stack(llrs))
    return {number: header for number, header in zip(numbers, headers, strict=True) if header is not None}


def _body_llrs(frame: tuple[Tensor, Tensor], header: Header, cost: Cost) -> Tensor:
    """Log-likelihood ratios of the coded bits behind the header."""
    body = slice(HEADER_SYMBOLS, cost.num_symbols)
    return demodulate(frame[0][body], frame[1][body], header.mcs.bits_per_symbol)
